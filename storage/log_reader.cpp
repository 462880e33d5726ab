#include "storage/log_reader.hpp"

#include "crypto/hash.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/little_endian.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_row_codec.hpp"

#include <algorithm>
#include <limits>

namespace carillon::storage {

namespace {

/// A read transaction keeps freed pages, so a scan takes a new one after so much.
constexpr std::size_t rows_per_transaction = 256;
constexpr std::size_t bytes_per_transaction = std::size_t{4} << 20;

constexpr std::uint64_t last_seq = std::numeric_limits<std::uint64_t>::max();

std::string place(domain::shard_id shard, std::uint64_t seq) {
  return "log row " + std::to_string(seq) + " of shard " + std::to_string(domain::raw(shard));
}

[[noreturn]] void throw_unreadable(const store& s, domain::shard_id shard, std::uint64_t seq,
                                   log_row_state state) {
  throw store_error{
      "the store " + s.directory() +
      (state == log_row_state::newer_format
           ? " holds a newer format in " + place(shard, seq) + "; use the Carillon that wrote it"
           : " is damaged in " + place(shard, seq) + " (checksum); restore a backup")};
}

} // namespace

log_reader::log_reader(const store& s) : store_{s} {}

std::uint64_t log_reader::next_seq(domain::shard_id shard) const {
  std::uint64_t next = 1;
  {
    const read_transaction txn{store_.env()};
    cursor at{txn};
    const auto prefix = key(shard, row_kind::log);
    if (at.seek_at_or_before(key(shard, row_kind::log, last_seq)) && at.key().starts_with(prefix))
      next = number_in_key(at.key(), key_head_size).value_or(0) + 1;
  }
  // Retention may have erased all rows below the mark; their numbers are not given again.
  return std::max(next, replay_from(shard));
}

std::uint64_t log_reader::replay_from(domain::shard_id shard) const {
  const read_transaction txn{store_.env()};
  const auto value = txn.get(key(shard, row_kind::mark));
  if (!value)
    return 1;
  const auto mark = unframe_u64(*value);
  if (!mark)
    throw store_error{"the store " + store_.directory() + " is damaged in the mark of shard " +
                      std::to_string(domain::raw(shard)) + "; restore a backup"};
  return std::max<std::uint64_t>(*mark, 1);
}

void log_reader::scan(domain::shard_id shard, std::uint64_t from,
                      const std::function<void(const logged_batch&)>& visit) const {
  const auto prefix = key(shard, row_kind::log);
  for (bool more = true; more;) {
    const read_transaction txn{store_.env()};
    cursor at{txn};
    std::size_t rows = 0, bytes = 0;
    more = at.seek(key(shard, row_kind::log, from));
    while (more && (more = at.key().starts_with(prefix)) && rows < rows_per_transaction &&
           bytes < bytes_per_transaction) {
      const auto seq = number_in_key(at.key(), key_head_size).value_or(0);
      log_row_head_fields head;
      const auto state = read_log_row(
          at.value(), head, [&](domain::account_id account, std::uint32_t offset, std::string_view entries) {
            visit({seq, offset, head.stamp, account, entries});
          });
      if (state != log_row_state::good)
        throw_unreadable(store_, shard, seq, state);
      ++rows;
      bytes += at.value().size();
      if (seq == last_seq)
        return;
      from = seq + 1;
      more = at.next();
    }
  }
}

void log_reader::revisit(domain::shard_id shard, domain::account_id account,
                         std::span<const batch_place> places,
                         const std::function<void(const logged_batch&)>& visit) const {
  while (!places.empty()) {
    const read_transaction txn{store_.env()};
    std::size_t bytes = 0, rows = 0;
    for (; !places.empty() && rows < rows_per_transaction && bytes < bytes_per_transaction; ++rows) {
      const auto& where = places.front();
      const auto row = txn.get(key(shard, row_kind::log, where.seq));
      log_row_head_fields head;
      const auto state = row ? read_log_row_head(*row, head) : log_row_state::damaged;
      if (state != log_row_state::good)
        throw_unreadable(store_, shard, where.seq, state);
      if (where.offset > row->size() || where.length > row->size() - where.offset)
        throw_unreadable(store_, shard, where.seq, log_row_state::damaged);
      visit({where.seq, where.offset, head.stamp, account, row->substr(where.offset, where.length)});
      bytes += where.length;
      places = places.subspan(1);
    }
  }
}

std::optional<std::string> log_reader::read_event(domain::shard_id shard,
                                                  const domain::event_ref& where) const {
  const read_transaction txn{store_.env()};
  const auto row = txn.get(key(shard, row_kind::log, where.seq));
  constexpr std::size_t crc_size = sizeof(std::uint32_t);
  if (!row || where.offset < log_row_head + crc_size || where.offset > row->size() ||
      where.length > row->size() - where.offset)
    return std::nullopt;
  const auto bytes = row->substr(where.offset, where.length);
  // The event's own CRC: the row's would cost reading all of it.
  if (get_le<std::uint32_t>(row->data() + where.offset - crc_size) != crypto::crc32c(bytes))
    return std::nullopt;
  return std::string{bytes};
}

std::optional<std::string> log_reader::get(std::string_view key) const {
  const read_transaction txn{store_.env()};
  const auto value = txn.get(key);
  return value ? std::optional<std::string>{*value} : std::nullopt;
}

std::vector<std::pair<std::string, std::string>>
log_reader::range(std::string_view prefix, std::string_view start, std::size_t limit, bool descending) const {
  std::vector<std::pair<std::string, std::string>> rows;
  const read_transaction txn{store_.env()};
  cursor at{txn};
  bool more = false;
  if (!descending) {
    more = at.seek(start.empty() ? prefix : start);
  } else if (!start.empty()) {
    more = at.seek_at_or_before(start);
  } else if (const auto end = key_after_prefix(prefix); !end.empty()) {
    more = at.seek(end) ? at.previous() : at.last();
  } else {
    more = at.last();
  }
  for (; more && rows.size() < limit && at.key().starts_with(prefix);
       more = descending ? at.previous() : at.next())
    rows.emplace_back(at.key(), at.value());
  return rows;
}

std::vector<std::optional<std::pair<std::string, std::string>>>
log_reader::at_or_before(const std::vector<std::string>& keys) const {
  std::vector<std::optional<std::pair<std::string, std::string>>> rows(keys.size());
  const read_transaction txn{store_.env()};
  cursor at{txn};
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (at.seek_at_or_before(keys[i]))
      rows[i].emplace(at.key(), at.value());
  return rows;
}

} // namespace carillon::storage
