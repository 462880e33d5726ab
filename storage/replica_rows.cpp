#include "storage/replica_rows.hpp"

#include "domain/byte_codec.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_row_codec.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace carillon::storage {

namespace {

using domain::byte_reader;
using domain::byte_writer;
using domain::table_write;

constexpr std::uint8_t replica_format = 1;
constexpr std::uint64_t last_seq = std::numeric_limits<std::uint64_t>::max();

[[noreturn]] void throw_damaged(const std::string& name, domain::shard_id shard, std::string_view what) {
  throw store_error{name + " is damaged in " + std::string{what} + " of shard " +
                    std::to_string(domain::raw(shard)) + "; empty it, the other nodes have its data"};
}

std::string name_of(const store& s) { return "the store " + s.directory(); }

/// The content of a framed row; nothing when there is no such row.
std::optional<std::string_view> content(const read_transaction& txn, const std::string& name,
                                        domain::shard_id shard, row_kind kind, std::string_view what) {
  const auto value = txn.get(key(shard, kind));
  if (!value)
    return std::nullopt;
  const auto framed = unframe(*value);
  if (!framed || framed->format != replica_format)
    throw_damaged(name, shard, what);
  return framed->payload;
}

table_write progress_row(domain::shard_id shard, const replica_progress& p) {
  std::string text;
  byte_writer w{text};
  w.number(p.applied);
  w.u8(p.whole ? 1 : 0);
  w.number(p.base.epoch);
  w.number(p.base.seq);
  w.number(p.reset_in);
  return {key(shard, row_kind::replica), frame(replica_format, text), false};
}

/// Keys of a kind from one seq to another, both included.
void erase_rows(const read_transaction& txn, domain::shard_id shard, row_kind kind, std::uint64_t from,
                std::uint64_t to, std::vector<table_write>& out) {
  const auto prefix = key(shard, kind);
  cursor at{txn};
  for (bool more = at.seek(key(shard, kind, from)); more && at.key().starts_with(prefix); more = at.next()) {
    if (number_in_key(at.key(), key_head_size).value_or(last_seq) > to)
      break;
    out.push_back({std::string{at.key()}, {}, true});
  }
}

std::optional<row_place> place_of(std::string_view row_key, std::string_view value) {
  log_row_head_fields head;
  const auto seq = number_in_key(row_key, key_head_size);
  if (!seq || read_log_row_head(value, head) != log_row_state::good)
    return std::nullopt;
  return row_place{head.epoch, *seq};
}

} // namespace

replica_on_disk read_replica(const store& s, domain::shard_id shard) {
  return read_replica(read_transaction{s.env()}, shard, name_of(s));
}

replica_on_disk read_replica(const read_transaction& txn, domain::shard_id shard, const std::string& name) {
  replica_on_disk found;
  if (const auto text = content(txn, name, shard, row_kind::promise, "the promise")) {
    byte_reader r{*text};
    found.promise.epoch = r.number();
    found.promise.candidate = r.text();
    if (!r.ok())
      throw_damaged(name, shard, "the promise");
  }
  const auto progress = content(txn, name, shard, row_kind::replica, "the progress");
  if (progress) {
    byte_reader r{*progress};
    found.progress.applied = r.number();
    found.progress.whole = r.u8() != 0;
    found.progress.base.epoch = r.number();
    found.progress.base.seq = r.number();
    found.progress.reset_in = r.number();
    if (!r.ok())
      throw_damaged(name, shard, "the progress");
  }
  cursor at{txn};
  const auto rows = key(shard, row_kind::log);
  if (at.seek_at_or_before(key(shard, row_kind::log, last_seq)) && at.key().starts_with(rows)) {
    const auto place = place_of(at.key(), at.value());
    if (!place)
      throw_damaged(name, shard, "its newest log row");
    found.last = *place;
  }
  // Of a node that was alone, retention may have left no row; then the mark tells how far it was.
  if (const auto mark = txn.get(key(shard, row_kind::mark)); mark && !progress)
    found.last.seq = std::max(found.last.seq, std::max<std::uint64_t>(unframe_u64(*mark).value_or(1), 1) - 1);
  if (!found.progress.whole && found.last.seq < found.progress.base.seq)
    found.last = found.progress.base;
  if (!progress)
    found.progress.applied = found.last.seq;
  const auto staged = key(shard, row_kind::staged);
  if (at.seek_at_or_before(key(shard, row_kind::staged, last_seq)) && at.key().starts_with(staged))
    if (const auto seq = number_in_key(at.key(), key_head_size).value_or(0); seq > found.progress.applied)
      found.last_staged = seq;
  return found;
}

std::string encode_table_writes(std::span<const table_write> writes) {
  std::string text;
  if (writes.empty())
    return text;
  byte_writer w{text};
  w.number(writes.size());
  for (const auto& write : writes) {
    w.u8(write.erase ? 1 : 0);
    w.text(write.key);
    if (!write.erase)
      w.text(write.value);
  }
  return text;
}

std::optional<std::vector<table_write>> decode_table_writes(std::string_view text) {
  std::vector<table_write> writes;
  if (text.empty())
    return writes;
  byte_reader r{text};
  for (auto left = r.number(); left > 0 && r.ok(); --left) {
    table_write write;
    write.erase = r.u8() != 0;
    write.key = r.text();
    if (!write.erase)
      write.value = r.text();
    writes.push_back(std::move(write));
  }
  if (!r.ok() || !r.at_end())
    return std::nullopt;
  return writes;
}

std::optional<std::uint64_t> epoch_of_row(const store& s, domain::shard_id shard, std::uint64_t seq) {
  const read_transaction txn{s.env()};
  const auto value = txn.get(key(shard, row_kind::log, seq));
  log_row_head_fields head;
  if (!value || read_log_row_head(*value, head) != log_row_state::good)
    return std::nullopt;
  return head.epoch;
}

std::vector<stored_row> read_rows(const store& s, domain::shard_id shard, std::uint64_t from,
                                  std::size_t bytes) {
  std::vector<stored_row> out;
  const read_transaction txn{s.env()};
  cursor at{txn};
  const auto prefix = key(shard, row_kind::log);
  std::size_t taken = 0;
  for (bool more = at.seek(key(shard, row_kind::log, from));
       more && at.key().starts_with(prefix) && (taken < bytes || out.empty()); more = at.next()) {
    const auto place = place_of(at.key(), at.value());
    if (!place)
      throw_damaged(name_of(s), shard, "a log row");
    if (place->seq != from + out.size())
      break;
    const auto staged = txn.get(key(shard, row_kind::staged, place->seq));
    out.push_back({*place, std::string{at.value()}, std::string{staged.value_or("")}});
    taken += out.back().row.size() + out.back().staged.size();
  }
  return out;
}

std::vector<table_write> plan_promise(domain::shard_id shard, const replica_promise& promise) {
  std::string text;
  byte_writer w{text};
  w.number(promise.epoch);
  w.text(promise.candidate);
  return {{key(shard, row_kind::promise), frame(replica_format, text), false}};
}

std::vector<table_write> plan_put(domain::shard_id shard, std::uint64_t after, std::uint64_t last,
                                  std::span<const shipped_row> rows) {
  std::vector<table_write> out;
  for (auto seq = after + 1; seq <= last; ++seq) {
    out.push_back({key(shard, row_kind::log, seq), {}, true});
    out.push_back({key(shard, row_kind::staged, seq), {}, true});
  }
  for (const auto& row : rows) {
    out.push_back({key(shard, row_kind::log, row.place.seq), std::string{row.row}, false});
    if (!row.staged.empty())
      out.push_back({key(shard, row_kind::staged, row.place.seq), std::string{row.staged}, false});
  }
  return out;
}

std::vector<table_write> plan_apply(const store& s, domain::shard_id shard, std::uint64_t after,
                                    const replica_progress& progress) {
  std::vector<table_write> out;
  const read_transaction txn{s.env()};
  cursor at{txn};
  const auto prefix = key(shard, row_kind::staged);
  for (bool more = at.seek(key(shard, row_kind::staged, after + 1)); more && at.key().starts_with(prefix);
       more = at.next()) {
    if (number_in_key(at.key(), key_head_size).value_or(last_seq) > progress.applied)
      break;
    auto writes = decode_table_writes(at.value());
    if (!writes)
      throw_damaged(name_of(s), shard, "staged writes");
    out.insert(out.end(), std::make_move_iterator(writes->begin()), std::make_move_iterator(writes->end()));
  }
  out.push_back(progress_row(shard, progress));
  return out;
}

std::vector<table_write> plan_reset(const store& s, domain::shard_id shard, const replica_progress& progress) {
  std::vector<table_write> out;
  const read_transaction txn{s.env()};
  erase_rows(txn, shard, row_kind::log, 0, last_seq, out);
  erase_rows(txn, shard, row_kind::staged, 0, last_seq, out);
  out.push_back(progress_row(shard, progress));
  return out;
}

std::vector<table_write> plan_clear(const store& s, domain::shard_id shard, std::uint64_t base) {
  std::vector<table_write> out;
  const read_transaction txn{s.env()};
  cursor at{txn};
  const auto prefix = key(shard, row_kind::log).substr(0, key_head_size - 1);
  for (bool more = at.seek(prefix); more && at.key().starts_with(prefix); more = at.next()) {
    const bool tail = of_the_log(at.key()) && number_in_key(at.key(), key_head_size).value_or(0) > base;
    if (!tail && !stays_here(at.key()))
      out.push_back({std::string{at.key()}, {}, true});
  }
  return out;
}

std::vector<table_write> plan_whole(domain::shard_id shard, const replica_progress& progress) {
  return {progress_row(shard, progress)};
}

std::optional<table_write> erase_with(const table_write& write) {
  if (!write.erase || write.key.size() <= key_head_size ||
      static_cast<row_kind>(write.key[key_head_size - 1]) != row_kind::log)
    return std::nullopt;
  table_write staged{write.key, {}, true};
  staged.key[key_head_size - 1] = static_cast<char>(row_kind::staged);
  return staged;
}

bool of_the_log(std::string_view key) noexcept {
  if (key.size() < key_head_size)
    return false;
  const auto kind = static_cast<row_kind>(key[key_head_size - 1]);
  return kind == row_kind::log || kind == row_kind::staged;
}

bool stays_here(std::string_view key) noexcept {
  if (key.size() < key_head_size)
    return true;
  switch (static_cast<row_kind>(key[key_head_size - 1])) {
  case row_kind::header:
  case row_kind::promise:
  case row_kind::replica:
  case row_kind::clock:
  case row_kind::cluster:
    return true;
  default:
    return false;
  }
}

} // namespace carillon::storage
