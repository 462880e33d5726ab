#include "storage/membership.hpp"

#include "crypto/base64.hpp"
#include "domain/byte_codec.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"

#include <algorithm>

namespace carillon::storage {

namespace {

constexpr std::uint8_t membership_format = 1, members_format = 1, clock_format = 1;

std::string_view bytes_of(const std::array<std::uint8_t, 16>& a) {
  return {reinterpret_cast<const char*>(a.data()), a.size()};
}
std::array<std::uint8_t, 16> array_of(std::string_view bytes) {
  std::array<std::uint8_t, 16> out{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), out.size()), out.begin());
  return out;
}

std::string members_key() { return key(domain::system_shard, row_kind::cluster, std::string_view{"members"}); }

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
  return membership(read_transaction{s.env()}, "the store " + s.directory());
}

std::optional<cluster_identity> membership(const read_transaction& txn, const std::string& name) {
  const auto value = txn.get(membership_key());
  if (!value)
    return std::nullopt;
  auto of = decode_membership(*value);
  if (!of)
    throw store_error{name + " is damaged where it names its cluster"};
  return of;
}

domain::table_write plan_members(const std::vector<shard_members>& of) {
  std::string text;
  domain::byte_writer w{text};
  w.number(of.size());
  for (const auto& one : of) {
    w.number(raw(one.shard));
    w.number(one.epoch);
    w.number(one.full.size());
    for (const auto& node : one.full)
      w.text(node);
  }
  return {members_key(), frame(members_format, text), false};
}

std::vector<shard_members> read_members(const read_transaction& txn, const std::string& name) {
  std::vector<shard_members> of;
  const auto value = txn.get(members_key());
  if (!value)
    return of;
  const auto framed = unframe(*value);
  domain::byte_reader r{framed && framed->format == members_format ? framed->payload : std::string_view{}};
  for (auto left = r.number(); left > 0 && r.ok(); --left) {
    shard_members one;
    one.shard = domain::shard_id{r.as<std::uint16_t>()};
    one.epoch = r.number();
    for (auto nodes = r.number(); nodes > 0 && r.ok(); --nodes)
      one.full.emplace_back(r.text());
    of.push_back(std::move(one));
  }
  if (!r.ok() || !r.at_end())
    throw store_error{name + " is damaged where it tells who has its cluster's shards"};
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
