#include "storage/shard_copy.hpp"

#include "domain/byte_codec.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/log_row_codec.hpp"

namespace carillon::storage {

namespace {

/// Bytes that are counted with each part: few enough not to hold up whoever reads it, and as many as make the copy's
/// size known in its first quarter.
constexpr std::uint64_t counted_a_part = 4 * std::uint64_t{copy_part_bytes};

std::string shard_prefix(domain::shard_id shard) {
  return key(shard, row_kind::log).substr(0, key_head_size - 1);
}

} // namespace

shard_copy::shard_copy(const store& s, domain::shard_id shard)
    : txn_{s.env()}, at_{txn_}, ahead_{txn_}, prefix_{shard_prefix(shard)} {
  // The progress row is of the same moment as the tables.
  if (const auto value = txn_.get(key(shard, row_kind::replica)))
    if (const auto framed = unframe(*value)) {
      domain::byte_reader r{framed->payload};
      through_.seq = r.number();
    }
  log_row_head_fields head;
  if (const auto row = txn_.get(key(shard, row_kind::log, through_.seq)))
    if (read_log_row_head(*row, head) == log_row_state::good)
      through_.epoch = head.epoch;
  done_ = !at_.seek(prefix_) || !at_.key().starts_with(prefix_);
  counted_all_ = !ahead_.seek(prefix_) || !ahead_.key().starts_with(prefix_);
}

bool shard_copy::to_copy(std::string_view row_key) const {
  const bool later =
      of_the_log(row_key) && number_in_key(row_key, key_head_size).value_or(0) > through_.seq;
  return !later && !stays_here(row_key);
}

std::string shard_copy::next_part() {
  std::vector<domain::table_write> rows;
  std::size_t bytes = 0;
  while (!done_ && bytes < copy_part_bytes) {
    const auto row_key = at_.key();
    if (to_copy(row_key)) {
      rows.push_back({std::string{row_key}, std::string{at_.value()}, false});
      bytes += row_key.size() + at_.value().size();
    }
    done_ = !at_.next() || !at_.key().starts_with(prefix_);
  }
  read_ += bytes;
  count_ahead();
  return encode_table_writes(rows);
}

void shard_copy::count_ahead() {
  for (const auto until = counted_ + counted_a_part; !counted_all_ && counted_ < until;) {
    if (to_copy(ahead_.key()))
      counted_ += ahead_.key().size() + ahead_.value().size();
    counted_all_ = !ahead_.next() || !ahead_.key().starts_with(prefix_);
  }
}

} // namespace carillon::storage
