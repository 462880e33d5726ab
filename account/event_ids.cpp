#include "account/event_ids.hpp"

#include "account/id_run.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace carillon::account {

namespace {

/// Runs of a size that become one.
constexpr std::size_t runs_per_merge = 4;

/// While one id is looked for in a filter, what a later one needs of it comes from memory: so many ahead.
constexpr std::size_t fetched_ahead = 12;

/// Runs of one size have up to four times as many ids as the smallest of them.
std::size_t size_class(std::uint64_t ids) {
  return static_cast<std::size_t>(std::bit_width(std::max<std::uint64_t>(ids, 1)) - 1) / 2;
}

bool by_hash(const id_entry& a, const id_entry& b) {
  return before(a.hash, b.hash);
}

/// Both, in order; of an id in both the one that was accepted later.
std::vector<id_entry> merge(const std::vector<id_entry>& a, const std::vector<id_entry>& b) {
  std::vector<id_entry> out;
  out.reserve(a.size() + b.size());
  auto left = a.begin(), right = b.begin();
  while (left != a.end() && right != b.end()) {
    if (left->hash == right->hash) {
      out.push_back(left->record.accepted < right->record.accepted ? *right : *left);
      ++left;
      ++right;
    } else {
      out.push_back(before(left->hash, right->hash) ? *left++ : *right++);
    }
  }
  out.insert(out.end(), left, a.end());
  out.insert(out.end(), right, b.end());
  return out;
}

} // namespace

event_ids::event_ids(const source& from, domain::shard_id shard, domain::account_id account)
    : source_{from}, shard_{shard}, account_{account} {}

void event_ids::accept(const id_hash& id, const id_record& record) {
  recent_[id] = record;
}

std::vector<std::optional<id_record>> event_ids::find(std::span<const id_hash> ids,
                                                      domain::wall_time oldest) {
  std::vector<std::optional<id_record>> out(ids.size());
  for (auto& r : runs_)
    if (!r.filter && r.newest >= oldest)
      r.filter = read_filter(r);
  const auto at_hand = [&](std::size_t i, const table& t) {
    const auto it = t.find(ids[i]);
    if (it == t.end())
      return false;
    // What is stored of this id is older still.
    if (it->second.accepted >= oldest)
      out[i] = it->second;
    return true;
  };
  struct sought {
    std::size_t index;
    id_filter::marks marks;
  };
  std::vector<sought> open;
  open.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (!at_hand(i, recent_) && !at_hand(i, saving_))
      open.push_back({i, id_filter::marks_of(ids[i])});
  std::vector<std::string> keys;
  std::vector<std::pair<std::size_t, const run*>> asked; // for each key: index into `ids`, and where
  // Filter by filter, so that one's few pages are at hand for all ids.
  for (const auto& r : runs_) {
    if (r.newest < oldest)
      continue;
    for (std::size_t k = 0; k < open.size(); ++k) {
      if (k + fetched_ahead < open.size())
        r.filter->prefetch(open[k + fetched_ahead].marks);
      if (!r.filter->perhaps(open[k].marks))
        continue;
      keys.push_back(run_id_key({shard_, account_, r.number}, ids[open[k].index]));
      asked.emplace_back(open[k].index, &r);
    }
  }
  if (keys.empty())
    return out;
  const auto rows = source_.at_or_before(keys);
  for (std::size_t k = 0; k < keys.size(); ++k) {
    const auto& [i, where] = asked[k];
    // Rows that are wholly past their time may be gone; the row before is then another one.
    if (!rows[k] || !rows[k]->first.starts_with(run_ids_prefix({shard_, account_, where->number})))
      continue;
    const auto row = id_row::open(rows[k]->second);
    if (!row)
      throw std::runtime_error("the store is damaged in run " + std::to_string(where->number) +
                               " of the event ids of account number " + std::to_string(raw(account_)) +
                               " (checksum); restore a backup");
    const auto found = row->find(ids[i]);
    if (found && found->accepted >= oldest && (!out[i] || out[i]->accepted < found->accepted))
      out[i] = found;
  }
  return out;
}

std::shared_ptr<const id_filter> event_ids::read_filter(const run& r) const {
  auto filter = std::make_shared<id_filter>(r.ids);
  const run_place at{shard_, account_, r.number};
  const auto first = run_filter_key(at, 0);
  const auto rows = source_.range(run_prefix(at), first, filter->parts(), false);
  auto row = rows.begin();
  for (std::size_t i = 0; i < filter->parts(); ++i) {
    if (row != rows.end() && row->first == run_filter_key(at, i))
      filter->set_part(i, open_filter_part(row++->second));
    else
      filter->set_part(i, std::nullopt);
  }
  return filter;
}

std::optional<std::vector<id_entry>> event_ids::take(const run& r, domain::wall_time oldest,
                                                     std::vector<domain::table_write>& erases) const {
  const run_place at{shard_, account_, r.number};
  const auto ids = run_ids_prefix(at);
  std::vector<id_entry> out;
  out.reserve(r.ids);
  for (auto& [key, value] :
       source_.range(run_prefix(at), {}, std::numeric_limits<std::size_t>::max(), false)) {
    if (key.starts_with(ids)) {
      const auto row = id_row::open(value);
      if (!row)
        return std::nullopt;
      for (std::size_t i = 0; i < row->size(); ++i)
        if (auto e = row->at(i); e.record.accepted >= oldest)
          out.push_back(e);
    }
    erases.push_back({std::move(key), {}, true});
  }
  return out;
}

event_ids::merge_plan event_ids::to_merge(std::uint64_t fresh) const {
  std::array<std::vector<std::size_t>, 32> by_size;
  for (std::size_t i = 0; i < next_->size(); ++i)
    if (const auto& r = (*next_)[i]; r.ids < full_run && !r.damaged)
      by_size[size_class(r.ids)].push_back(i);
  for (std::size_t size = 0; size < by_size.size(); ++size) {
    merge_plan plan{std::move(by_size[size]), fresh < full_run && size_class(fresh) == size};
    const auto wanted = runs_per_merge - (plan.with_fresh ? 1 : 0);
    if (plan.runs.size() >= wanted) {
      plan.runs.resize(wanted);
      return plan;
    }
  }
  return {};
}

void event_ids::add_run(const std::vector<id_entry>& sorted, std::vector<domain::table_write>& out) {
  if (sorted.empty())
    return;
  run r;
  r.number = next_number_++;
  r.ids = sorted.size();
  r.newest = std::max_element(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
               return a.record.accepted < b.record.accepted;
             })->record.accepted;
  r.filter = std::make_shared<id_filter>(write_run({shard_, account_, r.number}, sorted, out));
  next_->push_back(std::move(r));
}

void event_ids::save(domain::wall_time oldest, std::vector<domain::table_write>& out) {
  next_ = runs_;
  std::erase_if(*next_, [oldest](const run& r) { return r.newest < oldest; });
  saving_ = std::exchange(recent_, {});
  std::vector<id_entry> fresh;
  fresh.reserve(saving_.size());
  for (const auto& [hash, record] : saving_)
    if (record.accepted >= oldest)
      fresh.push_back({hash, record});
  // Who takes no more events merges no more either: nothing is written behind the back of a sweeper that
  // erases a deleted account.
  if (fresh.empty())
    return;
  std::sort(fresh.begin(), fresh.end(), by_hash);

  const auto plan = to_merge(fresh.size());
  std::vector<id_entry> merged;
  std::vector<std::uint64_t> gone;
  for (const auto i : plan.runs) {
    auto& r = (*next_)[i];
    std::vector<domain::table_write> erases;
    const auto ids = take(r, oldest, erases);
    if (!ids) {
      r.damaged = true; // stays as it is; whoever looks for its ids is told
      continue;
    }
    merged = merge(merged, *ids);
    gone.push_back(r.number);
    std::move(erases.begin(), erases.end(), std::back_inserter(out));
  }
  std::erase_if(
      *next_, [&gone](const run& r) { return std::find(gone.begin(), gone.end(), r.number) != gone.end(); });
  if (plan.with_fresh)
    fresh = merge(merged, fresh);
  else
    add_run(merged, out);
  add_run(fresh, out);
}

void event_ids::encode(domain::byte_writer& out) const {
  const auto& list = next_ ? *next_ : runs_;
  out.number(next_number_);
  out.number(list.size());
  for (const auto& r : list) {
    out.number(r.number);
    out.number(r.ids);
    out.signed_number(r.newest.time_since_epoch().count());
  }
}

void event_ids::saved() {
  if (!next_)
    return;
  runs_ = std::move(*next_);
  next_.reset();
  saving_.clear();
}

void event_ids::decode(domain::byte_reader& in) {
  next_number_ = in.number();
  for (auto left = in.number(); left > 0 && in.ok(); --left) {
    run r;
    r.number = in.number();
    r.ids = in.number();
    r.newest = domain::wall_time{std::chrono::milliseconds{in.signed_number()}};
    runs_.push_back(r);
  }
}

} // namespace carillon::account
