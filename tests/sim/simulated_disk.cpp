#include "simulated_disk.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace carillon::sim {

namespace {

std::uint64_t weight(const std::string& key, const std::string& value) {
  return std::hash<std::string>{}(key + '=' + value) | 1U;
}

/// Calls `take` with each piece of a text, each with its end behind it.
template <class Take>
void each_piece(std::string_view text, char end_of_piece, Take take) {
  while (!text.empty()) {
    const auto end = text.find(end_of_piece);
    take(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
}

} // namespace

void table_image::put(const std::string& key, const std::string& value) {
  auto& slot = rows[key];
  if (!slot.empty())
    sum -= weight(key, slot);
  slot = value;
  sum += weight(key, slot);
}

void table_image::apply(std::string_view staged) {
  each_piece(staged, ';', [&](std::string_view piece) {
    const auto equals = piece.find('=');
    put(std::string{piece.substr(0, equals)}, std::string{piece.substr(equals + 1)});
  });
}

void table_image::clear() {
  rows.clear();
  sum = 0;
}

row_id disk_image::last() const {
  if (!log.empty() && (whole || log.rbegin()->first > base.seq))
    return log.rbegin()->second.id;
  return whole ? row_id{} : base;
}

replication::stored_state disk_image::found() const {
  replication::stored_state out{promised, last(), base, applied, reset_in, whole, 0};
  for (const auto& [seq, row] : log)
    if (!row.staged.empty())
      out.last_staged = seq;
  return out;
}

void disk_image::put(std::uint64_t after, const std::vector<log_entry>& rows) {
  log.erase(log.upper_bound(after), log.end());
  for (const auto& row : rows)
    log[row.id.seq] = row;
}

void disk_image::apply(std::uint64_t through) {
  for (auto at = log.upper_bound(applied); at != log.end() && at->first <= through; ++at)
    tables.apply(at->second.staged);
  applied = through;
}

void disk_image::reset(const row_id& to, replication::epoch at) {
  log.clear();
  base = to;
  reset_in = at;
  whole = false;
  applied = 0;
}

void disk_image::install(const replication::snapshot_part& part) {
  if (part.index == 0) {
    tables.clear();
    log.erase(log.begin(), log.upper_bound(base.seq));
  }
  // "L<epoch>.<seq>=<row>|<staged>" or "<key>=<value>"
  each_piece(part.rows, '\n', [&](std::string_view piece) {
    const auto equals = piece.find('=');
    if (piece.front() != 'L') {
      tables.put(std::string{piece.substr(0, equals)}, std::string{piece.substr(equals + 1)});
      return;
    }
    const auto dot = piece.find('.');
    const row_id id{std::stoull(std::string{piece.substr(1, dot - 1)}),
                    std::stoull(std::string{piece.substr(dot + 1, equals - dot - 1)})};
    const auto bar = piece.find('|');
    log[id.seq] = {id, std::string{piece.substr(equals + 1, bar - equals - 1)}, std::string{piece.substr(bar + 1)}};
  });
  if (!part.last)
    return;
  whole = true;
  applied = part.through.seq;
  reset_in = part.at;
}

void disk_image::erase_before(std::uint64_t seq) {
  if (whole)
    log.erase(log.begin(), log.lower_bound(std::min(seq, applied)));
}

std::vector<replication::snapshot_part> disk_image::copy(std::size_t rows_a_part) const {
  std::vector<replication::snapshot_part> parts(1);
  std::size_t in_part = 0;
  const auto add = [&](const std::string& piece) {
    if (in_part == rows_a_part) {
      parts.emplace_back();
      in_part = 0;
    }
    parts.back().rows += piece + '\n';
    ++in_part;
  };
  for (const auto& [key, value] : tables.rows)
    add(key + '=' + value);
  row_id through{0, applied};
  for (auto at = log.begin(); at != log.end() && at->first <= applied; ++at) {
    const auto& id = at->second.id;
    add('L' + std::to_string(id.at) + '.' + std::to_string(id.seq) + '=' + at->second.row + '|' +
        at->second.staged);
    through = id;
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].through = through;
    parts[i].index = i;
    parts[i].last = i + 1 == parts.size();
  }
  return parts;
}

} // namespace carillon::sim
