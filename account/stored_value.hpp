#pragma once

#include "domain/byte_codec.hpp"
#include "domain/log_position.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace carillon::account {

/// The payload of a framed value (`storage/framed_value.hpp`), when its format is this one and nothing is
/// damaged.
std::optional<std::string_view> open_value(std::uint8_t version, std::string_view value);

void encode_stamp(const domain::time_stamp& s, domain::byte_writer& out);
domain::time_stamp decode_stamp(domain::byte_reader& in);

} // namespace carillon::account
