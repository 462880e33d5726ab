#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace carillon::bench {

/// Makes the store of a node in `folder` (prepared) with so many accounts, each with one Copper subscription
/// to updates of people at `target`, as it would stand after all of them were made over the API and went to
/// sleep. Made that way they would take hours: each is two commits.
///
/// Their names are `sleeping_name`. Throws storage::store_error.
void write_sleeping_accounts(const std::filesystem::path& folder, std::uint64_t count,
                             const std::string& target);

std::string sleeping_name(std::uint64_t number);

} // namespace carillon::bench
