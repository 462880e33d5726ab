#include "storage/shard_copy.hpp"

#include "domain/byte_codec.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"
#include "storage/log_row_codec.hpp"

namespace carillon::storage {

namespace {

std::string shard_prefix(domain::shard_id shard) {
  return key(shard, row_kind::log).substr(0, key_head_size - 1);
}

} // namespace

shard_copy::shard_copy(const store& s, domain::shard_id shard)
    : shard_{shard}, txn_{s.env()}, at_{txn_} {
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
  done_ = !at_.seek(shard_prefix(shard)) || !at_.key().starts_with(shard_prefix(shard));
}

std::string shard_copy::next_part() {
  const auto prefix = shard_prefix(shard_);
  std::vector<domain::table_write> rows;
  std::size_t bytes = 0;
  while (!done_ && bytes < copy_part_bytes) {
    const auto row_key = at_.key();
    const bool later = of_the_log(row_key) &&
                       number_in_key(row_key, key_head_size).value_or(0) > through_.seq;
    if (!later && !stays_here(row_key)) {
      rows.push_back({std::string{row_key}, std::string{at_.value()}, false});
      bytes += row_key.size() + at_.value().size();
    }
    done_ = !at_.next() || !at_.key().starts_with(prefix);
  }
  return encode_table_writes(rows);
}

} // namespace carillon::storage
