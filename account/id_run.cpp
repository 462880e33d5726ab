#include "account/id_run.hpp"

#include "account/retention.hpp"
#include "account/stored_value.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/little_endian.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace carillon::account {

using storage::get_le;
using storage::put_le;
using storage::row_kind;

namespace {

// Formats of the values; both begin with a moment.
constexpr std::uint8_t ids_version = 2;
constexpr std::uint8_t filter_version = 3;

// Behind the run's number in a key.
constexpr char filter_part = 0;
constexpr char ids_part = 1;

constexpr std::size_t newest_size = sizeof(std::int64_t);
constexpr std::size_t hash_size = sizeof(id_hash);
constexpr std::size_t digest_size = sizeof(id_record::digest);
constexpr std::size_t entry_size = hash_size + digest_size + sizeof(std::int64_t) + sizeof(std::uint32_t);

/// LMDB puts a value that exceeds half a page on pages of its own, of which the first holds 4,080 bytes; a
/// row of so many ids has 4,061. Shorter rows would share pages, but by the way LMDB splits these, rows that
/// come in order leave much of them empty: of two to a page, half.
constexpr std::size_t ids_per_row = 92;

domain::wall_time wall_at(const char* in) {
  return domain::wall_time{std::chrono::milliseconds{get_le<std::int64_t>(in)}};
}

char* put_wall(char* out, domain::wall_time t) {
  return put_le(out, static_cast<std::int64_t>(t.time_since_epoch().count()));
}

char* put_entry(char* out, const id_entry& e) {
  out = std::copy(e.hash.begin(), e.hash.end(), out);
  out = std::copy(e.record.digest.begin(), e.record.digest.end(), out);
  out = put_wall(out, e.record.accepted);
  return put_le(out, e.record.notifications);
}

std::string_view as_text(const id_hash& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

std::string part_prefix(const run_place& at, char part) {
  return storage::key(at.shard, row_kind::event_id, raw(at.account), at.run, std::string_view{&part, 1});
}

} // namespace

std::string run_prefix(const run_place& at) {
  return storage::key(at.shard, row_kind::event_id, raw(at.account), at.run);
}

std::string run_ids_prefix(const run_place& at) {
  return part_prefix(at, ids_part);
}

std::string run_id_key(const run_place& at, const id_hash& id) {
  auto key = part_prefix(at, ids_part);
  key += as_text(id);
  return key;
}

std::string run_filter_key(const run_place& at, std::size_t part) {
  auto key = part_prefix(at, filter_part);
  for (int shift = 24; shift >= 0; shift -= 8)
    key += static_cast<char>(part >> shift);
  return key;
}

std::optional<id_row> id_row::open(std::string_view value) {
  const auto content = open_value(ids_version, value);
  if (!content || content->size() < newest_size + entry_size ||
      (content->size() - newest_size) % entry_size != 0)
    return std::nullopt;
  return id_row{content->substr(newest_size)};
}

std::size_t id_row::size() const {
  return entries_.size() / entry_size;
}

id_entry id_row::at(std::size_t index) const {
  id_entry e;
  const char* in = entries_.data() + index * entry_size;
  std::memcpy(e.hash.data(), in, hash_size);
  in += hash_size;
  std::memcpy(e.record.digest.data(), in, digest_size);
  in += digest_size;
  e.record.accepted = wall_at(in);
  e.record.notifications = get_le<std::uint32_t>(in + sizeof(std::int64_t));
  return e;
}

std::optional<id_record> id_row::find(const id_hash& id) const {
  std::size_t low = 0;
  for (std::size_t high = size(); low < high;) {
    const auto middle = (low + high) / 2;
    const auto order = std::memcmp(entries_.data() + middle * entry_size, id.data(), hash_size);
    if (order == 0)
      return at(middle).record;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return std::nullopt;
}

std::optional<std::string_view> open_filter_part(std::string_view value) {
  const auto content = open_value(filter_version, value);
  return content && content->size() >= newest_size ? std::optional{content->substr(newest_size)}
                                                   : std::nullopt;
}

id_filter write_run(const run_place& at, const std::vector<id_entry>& sorted,
                    std::vector<domain::table_write>& out) {
  id_filter filter{sorted.size()};
  auto newest_of_all = domain::wall_time::min();
  for (const auto& e : sorted) {
    filter.add(e.hash);
    newest_of_all = std::max(newest_of_all, e.record.accepted);
  }
  std::string content;
  for (std::size_t i = 0; i < filter.parts(); ++i) {
    content.assign(newest_size, '\0');
    put_wall(content.data(), newest_of_all);
    content += filter.part(i);
    out.push_back({run_filter_key(at, i), storage::frame(filter_version, content), false});
  }
  for (std::size_t first = 0; first < sorted.size(); first += ids_per_row) {
    const auto end = std::min(first + ids_per_row, sorted.size());
    content.resize(newest_size + (end - first) * entry_size);
    char* to = content.data() + newest_size;
    auto newest = domain::wall_time::min();
    for (auto i = first; i < end; ++i) {
      to = put_entry(to, sorted[i]);
      newest = std::max(newest, sorted[i].record.accepted);
    }
    put_wall(content.data(), newest);
    out.push_back({run_id_key(at, sorted[first].hash), storage::frame(ids_version, content), false});
  }
  return filter;
}

storage::verdict judge_ids(std::string_view row, domain::wall_time before) {
  const auto filter = open_value(filter_version, row);
  const auto content = filter ? filter : open_value(ids_version, row);
  if (!content || content->size() < newest_size)
    return storage::verdict::keep;
  if (wall_at(content->data()) < before)
    return storage::verdict::erase;
  return filter ? storage::verdict::keep_group : storage::verdict::keep;
}

} // namespace carillon::account
