#include "actors/peer_message.hpp"

#include "domain/byte_codec.hpp"

#include <algorithm>

namespace carillon::actors {

namespace {

/// The numbers go over the wire.
enum class kind : std::uint8_t { replica = 1, request = 2, answer = 3 };

/// Bytes of a message beside its text, at most.
constexpr std::size_t overhead = 40;

std::string_view boot_text(const domain::foreign_clocks::boot_id& boot) {
  return {reinterpret_cast<const char*>(boot.data()), boot.size()};
}

void write(domain::byte_writer& out, const replica_said& m) {
  out.u8(static_cast<std::uint8_t>(kind::replica));
  out.number(raw(m.shard));
  out.raw(boot_text(m.boot));
  out.signed_number(m.at.time_since_epoch().count());
  out.raw(m.what);
}
void write(domain::byte_writer& out, const request_passed_on& m) {
  out.u8(static_cast<std::uint8_t>(kind::request));
  out.number(m.ticket);
  out.raw(m.what);
}
void write(domain::byte_writer& out, const answer_passed_back& m) {
  out.u8(static_cast<std::uint8_t>(kind::answer));
  out.number(m.ticket);
  out.raw(m.what);
}

} // namespace

std::string encode(const peer_message& message) {
  return std::visit(
      [](const auto& m) {
        std::string out;
        out.reserve(overhead + m.what.size());
        domain::byte_writer to{out};
        write(to, m);
        return out;
      },
      message);
}

std::optional<peer_message> decode_peer_message(std::string_view bytes) {
  domain::byte_reader in{bytes};
  std::optional<peer_message> out;
  const auto rest = [&] { return bytes.substr(std::min(in.position(), bytes.size())); };
  switch (static_cast<kind>(in.u8())) {
  case kind::replica: {
    replica_said m;
    const auto shard = in.number();
    const auto boot = in.raw(m.boot.size());
    m.at = domain::boot_time{std::chrono::nanoseconds{in.signed_number()}};
    if (!in.ok() || shard > UINT16_MAX)
      return std::nullopt;
    m.shard = domain::shard_id{static_cast<std::uint16_t>(shard)};
    std::copy(boot.begin(), boot.end(), m.boot.begin());
    m.what = rest();
    out = m;
    break;
  }
  case kind::request: {
    request_passed_on m;
    m.ticket = in.number();
    m.what = rest();
    out = m;
    break;
  }
  case kind::answer: {
    answer_passed_back m;
    m.ticket = in.number();
    m.what = rest();
    out = m;
    break;
  }
  }
  return in.ok() ? out : std::nullopt;
}

} // namespace carillon::actors
