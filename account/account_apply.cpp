// Applying log entries: the one way in which an account's state changes, the same for a decision of this
// moment and for one that is read back from the log.
#include "account/account.hpp"

#include "account/holding.hpp"
#include "account/subscription_record.hpp"
#include "domain/notification_body.hpp"

#include <algorithm>
#include <stdexcept>

namespace carillon::account {

using domain::notification_state;

void account::apply(const entry::any& e) {
  std::visit([this](const auto& one) { apply(one); }, e);
}

void account::apply(const entry::time& e) {
  context_.at.boot = context_.live ? e.boot : domain::translate(e.boot, context_.then, context_.now);
  context_.at.wall = e.wall;
}

notification* account::find(domain::notification_number n) {
  return notifications_.find(raw(n));
}

void account::touch(const notification& n) {
  // Mostly that of the one before.
  if (const auto index = raw(n.number) / block_size; dirty_blocks_.empty() || *dirty_blocks_.rbegin() != index)
    dirty_blocks_.insert(index);
}

void account::apply(const entry::event& e) {
  apply(e, nullptr, nullptr);
}

void account::apply(const entry::event& e, const domain::event_ptr& source, const id_hash* given) {
  event_.source = source ? source : domain::parse_stored_event(e.bytes);
  if (!event_.source)
    throw std::runtime_error("account \"" + settings_.name + "\": a stored event is damaged (log row " +
                             std::to_string(context_.seq) + ")");
  event_.id = e.id;
  event_.where = {context_.seq, context_.offset + e.offset, static_cast<std::uint32_t>(e.bytes.size())};
  event_.accepted = context_.at.wall;
  event_.charged = false;
  ++next_event_;
  if (e.given)
    ids_.accept(given != nullptr ? *given : hash_of(e.id),
                {context_.at.wall, event_.source->digest, e.notifications});
}

void account::add_part(notification& n, domain::action as, std::uint32_t first, std::uint32_t count) {
  notification_part p;
  p.where = event_.where;
  p.event_id = event_.id;
  p.first = first;
  p.count = count;
  p.as = as;
  p.accepted = event_.accepted;
  p.source = event_.source;
  if (!std::exchange(event_.charged, true))
    p.charged = event_.where.length;
  const auto& records = event_.source->records;
  const auto from =
      records.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(first, records.size()));
  const auto to = from + std::min<std::ptrdiff_t>(count, records.end() - from);
  n.records.insert(n.records.end(), from, to);
  pending_records_ += static_cast<std::uint64_t>(to - from);
  pending_bytes_ += p.charged;
  if (context_.live)
    unplaced_.push_back(raw(n.number));
  else
    p.source.reset();
  n.parts.push_back(std::move(p));
  touch(n);
}

void account::apply(const entry::opened& e) {
  notification n;
  n.number = domain::notification_number{next_number_++};
  n.subscription = e.subscription;
  n.test = e.test;
  n.merge_key = e.merge_key;
  n.created = context_.at.wall;
  n.due = context_.at.boot + std::chrono::seconds{e.delay_seconds};
  n.due_wall = context_.at.wall + std::chrono::seconds{e.delay_seconds};
  ++pending_;
  if (auto* s = subscriptions_.find(e.subscription)) {
    n.speaks = s->now.speaks;
    n.revision = s->now.revision;
    s->waiting.insert({n.due, raw(n.number)});
  }
  auto& stored = notifications_.put(std::move(n));
  add_part(stored, e.as, e.first, e.count);
}

void account::apply(const entry::joined& e) {
  if (auto* n = find(e.number))
    add_part(*n, e.as, e.first, e.count);
}

/// A pending notification leaves its subscription's queue and the backlog.
void account::leave_waiting(notification& n) {
  --pending_;
  pending_records_ -= n.records.size();
  pending_bytes_ -= n.bytes();
  if (auto* s = subscriptions_.find_any(n.subscription))
    s->waiting.erase({n.due, raw(n.number)});
}

void account::apply(const entry::claimed& e) {
  for (const auto number : e.numbers)
    apply_claim(number);
}

void account::apply_claim(domain::notification_number number) {
  auto* n = find(number);
  if (n == nullptr || n->state != notification_state::pending)
    return;
  leave_waiting(*n);
  n->state = notification_state::claimed;
  auto& course = n->course.make();
  course.claimed_boot = context_.at.boot;
  course.claimed_life = context_.live ? life_.life : context_.then.life;
  course.claimed = context_.at.wall;
  ++in_flight_;
  rate_.take(1);
  if (auto* s = subscriptions_.find_any(n->subscription)) {
    n->revision = s->now.revision;
    ++s->in_flight;
    s->last_claim = context_.at.boot;
    ++in_flight_by_origin_[s->origin];
    course.origin = s->origin;
  }
  touch(*n);
}

void account::apply(const entry::ended& e) {
  auto* n = find(e.number);
  if (n == nullptr || n->state != notification_state::claimed)
    return;
  n->state = e.result.state;
  notifications_.note_ended(*n);
  auto& course = n->course.make();
  course.result = e.result;
  course.ended = e.at;
  --in_flight_;
  if (const auto it = in_flight_by_origin_.find(course.origin);
      it != in_flight_by_origin_.end() && --it->second == 0)
    in_flight_by_origin_.erase(it);
  // An attempt without a first byte counts from its end: an endpoint that is down does not burn the backlog
  // faster.
  auto first_byte = e.result.first_byte.value_or(e.result.ended);
  if (!context_.live)
    first_byte = domain::translate(first_byte, context_.then, context_.now);
  rate_.settle(std::min(first_byte, context_.at.boot));
  if (auto* s = subscriptions_.find_any(n->subscription)) {
    --s->in_flight;
    if (e.result.state == notification_state::delivered) {
      s->now.consecutive_failures = 0;
      s->now.first_failure.reset();
    } else if (e.result.state != notification_state::unknown) {
      ++s->now.consecutive_failures;
      if (!s->now.first_failure)
        s->now.first_failure = e.at;
    }
    if (e.result.retry_after)
      s->hold_until =
          context_.at.boot +
          std::min<std::chrono::seconds>(std::chrono::seconds{*e.result.retry_after}, longest_retry_after);
    if (s->erased && s->in_flight == 0)
      subscriptions_.erase(s->now.id);
  }
  into_feed(*n);
}

void account::apply(const entry::dropped& e) {
  for (const auto number : e.numbers) {
    auto* n = find(number);
    if (n == nullptr || n->state != notification_state::pending)
      continue;
    leave_waiting(*n);
    forget_sources(*n);
    n->state = e.state;
    notifications_.note_ended(*n);
    auto& course = n->course.make();
    course.result.state = e.state;
    course.ended = context_.at.wall;
    into_feed(*n);
  }
}

/// What ended otherwise than delivered gets its place in the missed feed, in the order of ending.
void account::into_feed(notification& n) {
  if (n.state != notification_state::delivered && !n.test) {
    n.feed_number = next_feed_++;
    recent_missed_.emplace(n.feed_number, raw(n.number));
  }
  touch(n);
  if (context_.live)
    just_ended_.push_back(raw(n.number));
}

void account::apply(const entry::subscription_put& e) {
  auto s = decode_subscription(e.record, who_.id, keys_);
  if (context_.live)
    batch_.tables.push_back({revision_key(s.id, s.revision), std::string{e.record}, false});
  subscriptions_.put(std::move(s));
}

void account::apply(const entry::subscription_status& e) {
  auto* s = subscriptions_.find_any(e.id);
  if (s == nullptr)
    return;
  s->now.status = e.status;
  s->now.status_reason = e.reason;
  s->now.status_since = context_.at.wall;
  s->last_claim = context_.at.boot; // the first probe comes one interval later
}

void account::apply(const entry::subscription_erased& e) {
  subscriptions_.erase(e.id);
}

} // namespace carillon::account
