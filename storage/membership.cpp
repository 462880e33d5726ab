#include "storage/membership.hpp"

#include "crypto/base64.hpp"
#include "domain/byte_codec.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"

#include <algorithm>

namespace carillon::storage {

namespace {

constexpr std::uint8_t membership_format = 1, clock_format = 1;

std::string_view bytes_of(const std::array<std::uint8_t, 16>& a) {
  return {reinterpret_cast<const char*>(a.data()), a.size()};
}
std::array<std::uint8_t, 16> array_of(std::string_view bytes) {
  std::array<std::uint8_t, 16> out{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), out.size()), out.begin());
  return out;
}

} // namespace

std::string membership_key() { return key(domain::system_shard, row_kind::cluster); }

std::string encode_membership(const cluster_identity& of) {
  std::string text;
  domain::byte_writer w{text};
  w.text(of.name);
  w.text(of.founder);
  w.raw(bytes_of(of.hash_key));
  w.number(of.shards);
  w.number(of.generation);
  return crypto::base64_encode(frame(membership_format, text));
}

std::optional<cluster_identity> decode_membership(std::string_view text) {
  const auto value = crypto::base64_decode(text);
  const auto framed = value ? unframe(*value) : std::nullopt;
  if (!framed || framed->format != membership_format)
    return std::nullopt;
  cluster_identity of;
  domain::byte_reader r{framed->payload};
  of.name = r.text();
  of.founder = r.text();
  of.hash_key = array_of(r.raw(16));
  of.shards = r.as<std::uint16_t>();
  of.generation = r.as<std::uint32_t>();
  if (!r.ok() || of.shards == 0)
    return std::nullopt;
  return of;
}

std::optional<cluster_identity> membership(const store& s) {
  const read_transaction txn{s.env()};
  const auto value = txn.get(membership_key());
  if (!value)
    return std::nullopt;
  auto of = decode_membership(*value);
  if (!of)
    throw store_error{"the store " + s.directory() + " is damaged where it names its cluster"};
  return of;
}

domain::table_write plan_clock(const domain::foreign_clocks::reading& seen) {
  std::string text;
  domain::byte_writer w{text};
  w.signed_number(seen.theirs.time_since_epoch().count());
  w.number(seen.ours.life);
  w.raw(bytes_of(seen.ours.boot_id));
  w.signed_number(seen.ours.boot.time_since_epoch().count());
  w.signed_number(seen.ours.wall.time_since_epoch().count());
  return {key(domain::system_shard, row_kind::clock, bytes_of(seen.boot)), frame(clock_format, text), false};
}

std::vector<domain::foreign_clocks::reading> read_clocks(const store& s) {
  std::vector<domain::foreign_clocks::reading> out;
  const read_transaction txn{s.env()};
  cursor at{txn};
  const auto prefix = key(domain::system_shard, row_kind::clock);
  for (bool more = at.seek(prefix); more && at.key().starts_with(prefix); more = at.next()) {
    const auto framed = unframe(at.value());
    if (!framed || framed->format != clock_format)
      continue; // a clock that isn't known is told by the wall
    domain::byte_reader r{framed->payload};
    domain::foreign_clocks::reading seen;
    seen.boot = array_of(at.key().substr(key_head_size));
    seen.theirs = domain::boot_time{std::chrono::nanoseconds{r.signed_number()}};
    seen.ours.life = r.as<std::uint32_t>();
    seen.ours.boot_id = array_of(r.raw(16));
    seen.ours.boot = domain::boot_time{std::chrono::nanoseconds{r.signed_number()}};
    seen.ours.wall = domain::wall_time{std::chrono::milliseconds{r.signed_number()}};
    if (r.ok())
      out.push_back(seen);
  }
  return out;
}

} // namespace carillon::storage
