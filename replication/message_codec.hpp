#pragma once

#include "replication/message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace carillon::replication {

/// A message as it goes between nodes. The first byte names its kind; a later protocol adds kinds.
std::string encode(const message& what);
/// Nothing for what can't be read.
std::optional<message> decode(std::string_view text);

} // namespace carillon::replication
