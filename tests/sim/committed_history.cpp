#include "committed_history.hpp"

#include <algorithm>

namespace carillon::sim {

namespace {

std::string name(const log_entry& row) {
  return "(" + std::to_string(row.id.at) + "," + std::to_string(row.id.seq) + ") " + row.row;
}

} // namespace

void committed_history::committed(const std::string& who, const log_entry& row) {
  const auto seq = row.id.seq;
  if (seq == rows_.size() + 1) {
    rows_.push_back(row);
    tables_.apply(row.staged);
    sums_.push_back(tables_.sum);
    return;
  }
  if (seq > rows_.size())
    throw violation{who + " holds row " + std::to_string(seq) + " to be committed, of which only " +
                    std::to_string(rows_.size()) + " are"};
  const auto& known = rows_[seq - 1];
  if (known.id != row.id || known.row != row.row)
    throw violation{who + " holds " + name(row) + " to be committed where " + name(known) + " was"};
}

void committed_history::acknowledged(std::uint64_t seq) {
  acknowledged_ = std::max(acknowledged_, seq);
}

void committed_history::posted(const std::string& who, std::uint64_t notification) {
  const auto [first, fresh] = posts_.emplace(notification, who);
  if (!fresh)
    throw violation{"notification " + std::to_string(notification) + " is posted twice, by " + first->second +
                    " and by " + who};
}

void committed_history::check(const std::string& who, const disk_image& disk) const {
  if (!disk.whole)
    return;
  for (auto at = disk.log.begin(); at != disk.log.end() && at->first <= disk.applied; ++at) {
    const auto& known = rows_.at(at->first - 1);
    if (known.id != at->second.id || known.row != at->second.row)
      throw violation{who + " has " + name(at->second) + " applied where " + name(known) + " is committed"};
  }
  check_tables(who, disk);
}

void committed_history::check_tables(const std::string& who, const disk_image& disk) const {
  if (!disk.whole)
    return;
  if (disk.applied > rows_.size())
    throw violation{who + " has applied row " + std::to_string(disk.applied) + ", which isn't committed"};
  if (disk.tables.sum != sums_[disk.applied])
    throw violation{who + "'s tables aren't what the rows up to " + std::to_string(disk.applied) + " make"};
}

void committed_history::check_complete(const std::string& who, const disk_image& disk) const {
  if (!disk.whole)
    throw violation{who + " should have all that was acknowledged, but its copy is incomplete"};
  for (auto seq = disk.applied + 1; seq <= acknowledged_; ++seq) {
    const auto at = disk.log.find(seq);
    if (at == disk.log.end() || at->second.id != rows_[seq - 1].id || at->second.row != rows_[seq - 1].row)
      throw violation{who + " lacks row " + name(rows_[seq - 1]) + ", which was acknowledged"};
  }
}

} // namespace carillon::sim
