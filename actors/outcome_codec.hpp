#pragma once

#include "actors/message_types.hpp"
#include "domain/time.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// How a node tells another of POSTs that it still makes of accounts which are the other's now.
namespace carillon::actors {

std::string encode_tokens(const std::vector<std::uint64_t>& tokens);
std::set<std::uint64_t> decode_tokens(std::string_view text);

/// Moments travel as how long ago they were. Whoever reads them takes them for a little later than they were, by
/// the time on the way, so that no limit is read too generously.
std::string encode_outcomes(const outcome_vector& outcomes, domain::boot_time now);
/// What can't be read is left out: its notification stays in flight until the link ends.
outcome_vector decode_outcomes(std::string_view text, domain::account_id account, domain::boot_time now);

} // namespace carillon::actors
