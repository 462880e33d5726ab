#include "account/stored_value.hpp"

#include "storage/framed_value.hpp"

#include <algorithm>

namespace carillon::account {

std::optional<std::string_view> open_value(std::uint8_t version, std::string_view value) {
  const auto found = storage::unframe(value);
  return found && found->format == version ? std::optional{found->payload} : std::nullopt;
}

void encode_stamp(const domain::time_stamp& s, domain::byte_writer& out) {
  out.number(s.life);
  out.raw({reinterpret_cast<const char*>(s.boot_id.data()), s.boot_id.size()});
  out.signed_number(s.boot.time_since_epoch().count());
  out.signed_number(s.wall.time_since_epoch().count());
}

domain::time_stamp decode_stamp(domain::byte_reader& in) {
  domain::time_stamp s;
  s.life = in.as<std::uint32_t>();
  const auto id = in.raw(s.boot_id.size());
  std::copy(id.begin(), id.end(), reinterpret_cast<char*>(s.boot_id.data()));
  s.boot = domain::boot_time{std::chrono::nanoseconds{in.signed_number()}};
  s.wall = domain::wall_time{std::chrono::milliseconds{in.signed_number()}};
  return s;
}

} // namespace carillon::account
