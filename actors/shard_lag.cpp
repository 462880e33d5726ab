#include "actors/shard_lag.hpp"

#include "domain/byte_codec.hpp"

#include <utility>

namespace carillon::actors {

namespace {

using domain::byte_reader;
using domain::byte_writer;

void put(byte_writer& w, const member_lag& m) {
  w.text(m.node);
  w.u8(m.behind ? 1 : 0);
  if (m.behind) {
    w.number(m.behind->rows);
    w.number(static_cast<std::uint64_t>(m.behind->waiting.count()));
  }
  w.u8(m.filled ? 1 : 0);
  if (m.filled) {
    w.number(m.filled->done);
    w.u8(m.filled->of ? 1 : 0);
    w.number(m.filled->of.value_or(0));
  }
}

member_lag get(byte_reader& r) {
  member_lag m;
  m.node = r.text();
  if (r.u8() != 0) {
    auto& behind = m.behind.emplace();
    behind.rows = r.number();
    behind.waiting = std::chrono::milliseconds{r.as<std::int64_t>()};
  }
  if (r.u8() != 0) {
    auto& filled = m.filled.emplace();
    filled.done = r.number();
    const bool counted = r.u8() != 0;
    const auto of = r.number();
    if (counted)
      filled.of = of;
  }
  return m;
}

} // namespace

std::string encode_lag(const std::vector<shard_lag>& shards) {
  std::string text;
  byte_writer w{text};
  w.number(shards.size());
  for (const auto& s : shards) {
    w.number(raw(s.shard));
    w.number(s.epoch);
    w.number(s.members.size());
    for (const auto& m : s.members)
      put(w, m);
  }
  return text;
}

std::optional<std::vector<shard_lag>> decode_lag(std::string_view text) {
  byte_reader r{text};
  std::vector<shard_lag> shards;
  for (auto left = r.number(); left > 0 && r.ok(); --left) {
    auto& s = shards.emplace_back();
    s.shard = domain::shard_id{r.as<std::uint16_t>()};
    s.epoch = r.number();
    for (auto members = r.number(); members > 0 && r.ok(); --members)
      s.members.push_back(get(r));
  }
  if (!r.ok() || !r.at_end())
    return std::nullopt;
  return shards;
}

} // namespace carillon::actors
