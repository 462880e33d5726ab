// A replica as another's member: it promises, takes rows and copies, and applies what is committed.
#include "replication/replica.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace carillon::replication {

standing replica::where_i_stand(epoch at) const {
  // What an incomplete copy begins behind was not on its leader's disk, perhaps.
  const auto shipped = !whole_ ? 0 : last_.at == at ? last_.seq : shipped_before_;
  return {at, last_, applied_, whole_, base_, copy_, parts_, shipped};
}

/// Rows that are to go are on the disk still: it can't be asked for them.
bool replica::erasing() const {
  return std::any_of(writes_.begin(), writes_.end(), [](const write& w) { return w.erases; });
}

/// Whether the leader's row is in this log.
bool replica::has(const row_id& id) const {
  if (!whole_ && id.seq <= base_.seq)
    return id == base_;
  if (id.seq <= known_equal_)
    return true;
  if (id.seq > last_.seq)
    return false;
  if (id.seq == last_.seq)
    return id.at == last_.at;
  return !erasing() && out_.epoch_of(id.seq) == id.at;
}

void replica::save(const promise& what, const node_id& asker, std::optional<message> answer) {
  // Between two epochs that follow each other nobody else has led: what the same node sent in the first it still has.
  const bool goes_on = promised_ == promise{what.at - 1, what.candidate} && last_.at == promised_.at;
  const bool shipped = whole_ || last_ != base_; // no row came yet behind the base, which its leader may have lost
  shipped_before_ = goes_on && shipped ? last_.seq : 0;
  promised_ = what;
  known_equal_ = committed_; // that is the same in every leader's log
  writes_.push_back({write::kind::promise, what.at, std::move(answer), asker, false});
  out_.save(what);
}

/// Tells where this log stands, once it does on the disk.
void replica::stand(const node_id& asker, epoch at) {
  if (writes_.empty()) {
    out_.send(asker, where_i_stand(at));
    return;
  }
  // It tells all that the answer in its place would have told.
  writes_.back().answer = where_i_stand(at);
  writes_.back().asker = asker;
}

/// Rows behind this one are to be erased: writes under way make none of them durable.
void replica::forget_after(std::uint64_t seq) {
  durable_ = std::min(durable_, seq);
  for (auto& w : writes_)
    if (w.what == write::kind::rows || w.what == write::kind::part)
      w.through = std::min(w.through, seq);
}

bool replica::up_to_date() const {
  const bool told = told_.at != 0 && told_.at == promised_.at;
  return serving_ || (told && whole_ && applied_ >= std::max(told_.seq, last_.seq));
}

/// Whether `from` leads here in this epoch; tells it when it doesn't any more.
bool replica::follows(const node_id& from, epoch at) {
  if (promised_ == promise{at, from})
    return true;
  if (at <= promised_.at && promised_.candidate != from)
    out_.send(from, refused{promised_.at});
  return false;
}

void replica::on(const node_id& from, const lead& m) {
  const promise asked{m.at, from};
  if (m.at <= promised_.at && !follows(from, m.at))
    return;
  if (leading_ != 0 && m.at > leading_)
    stop_leading();
  if (promised_ != asked) {
    save(asked, from, std::nullopt);
    writes_.back().answer = where_i_stand(m.at);
  } else {
    stand(from, m.at);
  }
}

void replica::on(const node_id& from, append& m) {
  if (!follows(from, m.at))
    return;
  told_ = {m.at, m.committed};
  if (m.rows.empty() && m.previous.seq == 0) {
    // Only news of what is committed; of that, what is known to be equal.
    committed_ = std::max(committed_, std::min(m.committed, known_equal_));
    apply_committed();
    out_.send(from, appended{m.at, std::min(durable_, known_equal_)});
    return;
  }
  if (!has(m.previous)) {
    stand(from, m.at);
    return;
  }
  auto first = m.rows.begin();
  while (first != m.rows.end() && has(first->id))
    ++first;
  const auto equal_to = m.rows.empty() ? m.previous.seq : m.rows.back().id.seq;
  if (first != m.rows.end()) {
    const auto after = first->id.seq - 1;
    assert(after >= committed_ && "committed rows are never taken back");
    const bool erases = after < last_.seq;
    if (erases)
      forget_after(after);
    last_ = m.rows.back().id;
    for (auto row = first; row != m.rows.end(); ++row)
      if (!row->staged.empty())
        last_staged_ = row->id.seq;
    writes_.push_back({write::kind::rows, last_.seq, appended{m.at, last_.seq}, from, erases});
    out_.put(after, {std::make_move_iterator(first), std::make_move_iterator(m.rows.end())});
  } else if (durable_ >= equal_to && !erasing()) {
    out_.send(from, appended{m.at, equal_to});
  }
  known_equal_ = std::max(known_equal_, equal_to);
  committed_ = std::max(committed_, std::min(m.committed, known_equal_));
  apply_committed();
}

void replica::on(const node_id& from, const reset& m) {
  if (!follows(from, m.at))
    return;
  const bool said = reset_in_ == m.at && m.base.seq <= base_.seq; // twice, or late
  // What an earlier leader asked for, when no row of that leader's came.
  const bool done = !whole_ && m.base == base_ && last_ == base_;
  if (!said)
    copy_ = parts_ = 0;
  if (said || done) {
    reset_in_ = m.at;
    if (m.base == base_ && !erasing())
      out_.send(from, appended{m.at, base_.seq});
    return;
  }
  reset_in_ = m.at;
  base_ = last_ = m.base;
  whole_ = false;
  forget_after(0);
  for (auto& w : writes_)
    if (w.what == write::kind::apply)
      w.through = 0;
  applied_ = marked_ = 0;
  committed_ = reported_ = known_equal_ = m.base.seq;
  last_staged_ = 0;
  shipped_before_ = 0;
  writes_.push_back({write::kind::reset, m.base.seq, appended{m.at, m.base.seq}, from, true});
  out_.reset(m.base, m.at);
}

void replica::on(const node_id& from, const snapshot_part& m) {
  if (!follows(from, m.at) || whole_)
    return;
  const bool begins = m.index == 0 && m.copy > copy_;
  if (!begins && (m.copy != copy_ || m.index != parts_)) {
    if (writes_.empty() && m.copy == copy_ && m.index + 1 == parts_)
      out_.send(from, installed{m.at, m.copy, m.index, false}); // its answer was lost
    return;
  }
  copy_ = m.copy;
  parts_ = m.index + 1;
  reset_in_ = m.at; // who copies has seen this base: its reset to it may still be on the way
  if (m.last) {
    whole_ = true;
    applied_ = marked_ = m.through.seq;
    committed_ = std::max(committed_, m.through.seq);
    known_equal_ = std::max(known_equal_, m.through.seq);
    if (last_.seq < m.through.seq)
      last_ = m.through;
  }
  writes_.push_back({write::kind::part, m.last ? m.through.seq : 0,
                     installed{m.at, m.copy, m.index, m.last}, from, true});
  out_.install(m);
}

void replica::apply_committed() {
  const auto to = std::min(committed_, durable_);
  if (!whole_ || applying_ || to <= applied_)
    return;
  if (last_staged_ <= applied_) {
    applied_ = to; // nothing is staged on the way
    return;
  }
  applying_ = true;
  writes_.push_back({write::kind::apply, to, std::nullopt, {}, false});
  out_.apply(to);
}

} // namespace carillon::replication
