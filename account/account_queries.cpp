// What an account shows of itself; all of it committed.
#include "account/account.hpp"

#include "account/subscription_record.hpp"
#include "storage/keys.hpp"

#include <algorithm>
#include <array>

namespace carillon::account {

using domain::notification_state;
using storage::row_kind;

namespace {

/// Rows of the log that one page looks at before it gives what it has: a filter that rarely matches stays
/// cheap.
constexpr std::size_t blocks_per_page = 64;

/// Rows of the missed feed that one page looks at.
constexpr std::size_t missed_per_page = 1000;

std::uint64_t number_at(std::string_view key) {
  std::uint64_t out = 0;
  for (const auto c : key.substr(key.size() - 8))
    out = out << 8 | static_cast<std::uint8_t>(c);
  return out;
}

bool wanted(const notification& n, const query_log& q) {
  if (!q.states.empty() && std::find(q.states.begin(), q.states.end(), n.state) == q.states.end())
    return false;
  if (q.subscription && n.subscription != *q.subscription)
    return false;
  if ((q.from && n.created < *q.from) || (q.to && n.created >= *q.to))
    return false;
  if (q.record &&
      std::none_of(n.records.begin(), n.records.end(), [&](const auto& r) { return r.text == *q.record; }))
    return false;
  return !q.event ||
         std::any_of(n.parts.begin(), n.parts.end(), [&](const auto& p) { return p.event_id == *q.event; });
}

} // namespace

account::block_view account::block(std::uint64_t index, const domain::time_stamp& now) const {
  block_view view;
  std::array<const notification*, block_size> places{};
  const auto* here = notifications_.find_block(index);
  const auto numbered =
      std::min(next_number_, (index + 1) * block_size) - std::min(next_number_, index * block_size);
  if (here == nullptr || here->count < numbered) {
    bool ok = true;
    if (const auto value = source_.get(storage::key(who_.shard, row_kind::block, raw(who_.id), index)))
      view.stored = decode_notifications(*value, now, ok);
    for (const auto& n : view.stored)
      places[raw(n.number) % block_size] = &n;
  }
  if (here != nullptr)
    for (std::size_t i = 0; i < places.size(); ++i)
      if (const auto& n = (*here->by_number)[i])
        places[i] = n.get();
  for (const auto* n : places)
    if (n != nullptr)
      view.all.push_back(n);
  return view;
}

domain::event_ptr account::event_of(const notification_part& p) const {
  if (p.source)
    return p.source;
  const auto bytes = source_.read_event(who_.shard, p.where);
  return bytes ? domain::parse_stored_event(*bytes) : nullptr;
}

/// Fewer than the notification has when an event is past retention.
std::vector<domain::body_part> account::body_parts(const notification& n) const {
  std::vector<domain::body_part> out;
  out.reserve(n.parts.size());
  for (const auto& p : n.parts)
    if (auto e = event_of(p))
      out.push_back({std::move(e), p.first, p.count, p.as, p.accepted});
  return out;
}

explain_reply account::explain(const explain_event& r) const {
  explain_reply out;
  for (const auto& [id, s] : subscriptions_.all()) {
    if (s->erased || s->now.pipeliner.deleted)
      continue;
    const auto result = s->compiled->match(*r.event, r.skip_keys);
    explain_reply::one one{s->now.id, s->now.speaks, result.reason, result.path, ""};
    if (result.reason == domain::match_reason::matched) {
      const auto count = std::min(static_cast<std::uint32_t>(r.event->records.size()),
                                  domain::records_per_notification(*s->compiled));
      const std::vector<domain::body_part> parts{{r.event, 0, count, result.as, context_.at.wall}};
      one.body = domain::render_body(*s->compiled, settings_.name, parts, domain::secrets::masked).body;
      if (s->now.status != domain::subscription_status::active)
        one.reason = domain::match_reason::held;
    }
    out.subscriptions.push_back(std::move(one));
  }
  return out;
}

subscriptions_reply account::subscriptions() const {
  subscriptions_reply out;
  for (const auto& [id, s] : subscriptions_.all())
    if (!s->erased)
      out.subscriptions.push_back(s->now);
  return out;
}

log_reply account::log(const query_log& q, const domain::time_stamp& now) const {
  log_reply out;
  auto before = q.before == 0 ? next_number_ : std::min(q.before, next_number_);
  std::set<std::uint64_t, std::greater<>> blocks;
  const auto& here = notifications_.blocks();
  for (auto b = here.rbegin(); b != here.rend() && blocks.size() <= blocks_per_page; ++b)
    if (b->index * block_size < before)
      blocks.insert(b->index);
  const auto prefix = storage::key(who_.shard, row_kind::block, raw(who_.id));
  if (before > 1)
    for (const auto& [key, value] : source_.range(
             prefix, storage::key(who_.shard, row_kind::block, raw(who_.id), (before - 1) / block_size),
             blocks_per_page + 1, true)) // one more than is looked at: it tells that the page is not the last
      blocks.insert(number_at(key));
  std::size_t looked_at = 0;
  for (const auto b : blocks) {
    if (looked_at++ == blocks_per_page) {
      out.next = (b + 1) * block_size;
      return out;
    }
    const auto view = block(b, now);
    for (auto place = view.all.rbegin(); place != view.all.rend(); ++place) {
      const auto* n = *place;
      // What is past retention may wait in its block for the others there: it is gone for readers already.
      const bool past = is_final(n->state) && n->course->ended < now.wall - settings_.retention_log;
      if (raw(n->number) >= before || past || !wanted(*n, q))
        continue;
      if (out.notifications.size() == q.limit) {
        out.next = raw(out.notifications.back().number);
        return out;
      }
      out.notifications.push_back(*n);
    }
  }
  return out;
}

std::variant<notification_reply, request_error> account::get(domain::notification_number number,
                                                             const domain::time_stamp& now) const {
  const auto view = block(raw(number) / block_size, now);
  const auto it =
      std::find_if(view.all.begin(), view.all.end(), [&](const auto* n) { return n->number == number; });
  if (it == view.all.end())
    return request_error{404, "not-found", "there is no such notification", {}, 0};
  notification_reply out;
  out.value = **it;
  auto compiled = domain::compiled_ptr{};
  if (const auto* s = subscriptions_.find(out.value.subscription); s && s->now.revision == out.value.revision)
    compiled = s->compiled;
  else if (const auto record = source_.get(revision_key(out.value.subscription, out.value.revision)))
    compiled =
        std::make_shared<const domain::compiled_subscription>(decode_subscription(*record, who_.id, keys_));
  if (!compiled)
    return out;
  out.url = compiled->source().target;
  const auto parts = body_parts(out.value);
  if (parts.size() == out.value.parts.size())
    out.body = domain::render_body(*compiled, settings_.name, parts, domain::secrets::masked).body;
  return out;
}

missed_reply account::missed(const query_missed& q, const domain::time_stamp& now) const {
  missed_reply out;
  const auto end = next_feed_ - 1;
  const auto after = q.after.value_or(0);
  if (q.from_end || after == end) {
    out.next = end;
    return out;
  }
  const auto prefix = storage::key(who_.shard, row_kind::missed, raw(who_.id));
  const auto oldest = source_.range(prefix, {}, 1, false);
  out.earliest = !oldest.empty()          ? number_at(oldest.front().first)
                 : recent_missed_.empty() ? next_feed_
                                          : recent_missed_.begin()->first;
  if (after > end || (q.after && after + 1 < out.earliest)) {
    out.gone = true;
    return out;
  }
  out.next = std::max(after, out.earliest - 1);
  const auto take = [&](notification n, std::uint64_t feed) {
    out.next = feed;
    if (!q.subscription || n.subscription == *q.subscription)
      out.notifications.push_back(std::move(n));
    return out.notifications.size() < q.limit;
  };
  const auto start = storage::key(who_.shard, row_kind::missed, raw(who_.id), out.next + 1);
  const auto stored = source_.range(prefix, start, missed_per_page, false);
  for (const auto& [key, value] : stored) {
    bool ok = true;
    auto ns = decode_notifications(value, now, ok);
    if (ok && !ns.empty() && !take(std::move(ns.front()), number_at(key)))
      return out;
  }
  if (stored.size() == missed_per_page)
    return out;
  for (auto it = recent_missed_.upper_bound(out.next); it != recent_missed_.end(); ++it)
    if (!take(*notifications_.find(it->second), it->first))
      return out;
  return out;
}

std::vector<const notification*> account::just_ended() const {
  std::vector<const notification*> out;
  out.reserve(just_ended_.size());
  for (const auto number : just_ended_)
    out.push_back(notifications_.find(number));
  return out;
}

std::optional<domain::boot_time> account::oldest_due() const {
  std::optional<domain::boot_time> oldest;
  for (const auto& [id, s] : subscriptions_.all())
    if (!s->waiting.empty() && (!oldest || s->waiting.front().first < *oldest))
      oldest = s->waiting.front().first;
  return oldest;
}

std::array<std::int64_t, 3> account::statuses() const {
  std::array<std::int64_t, 3> out{};
  for (const auto& [id, s] : subscriptions_.all())
    if (!s->erased)
      ++out[static_cast<std::size_t>(s->now.status)];
  return out;
}

usage_reply account::usage(moment now) const {
  usage_reply out;
  auto rate = rate_; // counting forgets what is past: on a copy
  out.windows = rate.usage(now.boot);
  out.now = now.boot;
  out.wall = now.wall;
  if (rate.free(now.boot) == 0)
    out.next_slot = rate.next_free(now.boot);
  out.pending = pending_;
  out.pending_records = pending_records_;
  out.pending_bytes = pending_bytes_;
  out.in_flight = in_flight_;
  if (const auto oldest = oldest_due())
    out.oldest_due = now.wall + std::chrono::floor<std::chrono::milliseconds>(*oldest - now.boot);
  out.subscriptions = subscriptions_.counted();
  return out;
}

} // namespace carillon::account
