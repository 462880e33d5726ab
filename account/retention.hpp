#pragma once

#include "domain/time.hpp"

#include <string_view>

namespace carillon::account {

/// Whether a stored block (or a row of the missed feed) holds nothing but notifications that ended before
/// `before`. Damaged ones are kept: whoever reads them says so.
bool ended_before(std::string_view block, domain::wall_time before);

/// Whether a stored block has all its numbers. Once they have ended as well, no checkpoint writes it again,
/// so it may be erased by a plan that is a moment old.
bool complete(std::string_view block);

/// Whether a row of a run of event ids (`id_run.hpp`) tells of nothing but ids that were accepted before
/// `before`. Damaged ones are kept: whoever looks for their ids says so.
bool ids_past(std::string_view row, domain::wall_time before);

/// Whether a saved account was erased by its operator and has nothing open.
bool is_erased(std::string_view snapshot);

} // namespace carillon::account
