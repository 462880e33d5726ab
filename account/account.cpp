#include "account/account.hpp"

#include "account/holding.hpp"
#include "crypto/signature.hpp"
#include "domain/notification_body.hpp"
#include "domain/public_id.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>

namespace carillon::account {

using domain::notification_state;

namespace {

/// Bytes of header lines that a POST without headers of its subscription's own has.
constexpr std::size_t usual_headers = 256;

bool holds(const notification& n, const domain::record_id& record) {
  return std::find(n.records.begin(), n.records.end(), record) != n.records.end();
}

} // namespace

account::account(identity who, settings limits, const source& from, const crypto::key_ring& keys,
                 event_budget& budget)
    : who_{who}, settings_{std::move(limits)}, source_{from}, keys_{keys}, rate_{settings_.windows},
      history_{from, who.shard, who.id}, ids_{from, who.shard, who.id}, budget_{budget} {
  batch_.account = who_.id;
}

account::~account() {
  budget_.give_back(kept_bytes_);
}

void account::configure(settings limits) {
  settings_ = std::move(limits);
  if (rate_.windows() != settings_.windows)
    rate_.set_windows(settings_.windows);
}

void account::begin(moment now, bool checkpoint) {
  context_ = {};
  context_.at = now;
  batch_ = {};
  batch_.account = who_.id;
  just_ended_.clear();
  claimed_now_.clear();
  if (!unsaved())
    saved_at_ = now.boot;
  if ((checkpoint && unsaved()) || wants_checkpoint()) {
    saved_at_ = now.boot;
    batch_.tables = checkpoint_tables();
    batch_.checkpoint = true;
  }
  for (const auto n : std::exchange(overdue_claims_, {})) {
    const auto* claimed = find(n);
    if (claimed == nullptr || claimed->state != notification_state::claimed)
      continue; // its outcome came after all
    domain::delivery_result result;
    result.state = notification_state::unknown;
    result.detail = "the process ended between claim and outcome";
    result.ended = now.boot;
    // The latest moment its first byte can have been: its deadline, or this start.
    result.first_byte = std::min(now.boot, claimed->course->claimed_boot + settings_.delivery_timeout);
    decide(entry::ended{n, result, now.wall});
  }
  if (settings_.deleting && !erased_)
    erase();
}

void account::decide(entry::event e, const domain::event_ptr& source, const id_hash* given) {
  write(e);
  apply(e, source, given);
}

/// What a batch begins with.
void account::open_batch() {
  if (!batch_.entries.empty())
    return;
  entry::time time{context_.at.boot, context_.at.wall};
  entry::put(time, batch_.entries);
}

std::vector<std::pair<subscription_state*, domain::action>>
account::matches(const domain::event& e, const std::vector<std::string>& skip_keys) const {
  std::vector<std::pair<subscription_state*, domain::action>> out;
  for (auto* s : subscriptions_.candidates(e)) {
    const auto result = s->compiled->match(e, skip_keys);
    if (result.reason == domain::match_reason::matched)
      out.emplace_back(s, result.as);
  }
  return out;
}

std::variant<submit_reply, request_error> account::submit(const submit_events& r) {
  if (erased_)
    return account_gone();
  submit_reply out;
  out.events.resize(r.events.size());
  // All or nothing: what could refuse the request is looked at before anything is decided.
  std::vector<id_hash> hashes;
  std::vector<std::size_t> with_id; // indexes of the events with those ids
  for (std::size_t i = 0; i < r.events.size(); ++i)
    if (!r.events[i]->id.empty()) {
      hashes.push_back(hash_of(r.events[i]->id));
      with_id.push_back(i);
    }
  const auto found = ids_.find(hashes, context_.at.wall - settings_.retention_idempotency);
  std::vector<const id_hash*> given(r.events.size());
  for (std::size_t k = 0; k < hashes.size(); ++k) {
    const auto i = with_id[k];
    const auto& e = *r.events[i];
    out.events[i].id = e.id;
    given[i] = &hashes[k];
    const auto& known = found[k];
    if (!known)
      continue;
    if (known->digest != e.digest) {
      const auto place = r.events.size() == 1 ? std::string{"#/id"} : "#/" + std::to_string(i) + "/id";
      return request_error{422,
                           "event-id-reused",
                           "event id \"" + e.id + "\" was already used for other content",
                           {{place, "already used for an event with other content"}},
                           0};
    }
    out.events[i].duplicate = true;
    out.events[i].notifications = known->notifications;
  }
  chunk_schedules schedules;
  for (std::size_t i = 0; i < r.events.size(); ++i) {
    auto& one = out.events[i];
    if (one.duplicate) {
      ++out.duplicates;
      continue;
    }
    const auto& e = r.events[i];
    if (given[i] == nullptr)
      one.id = domain::event_public_id({who_.generation, who_.id, next_event_});
    one.notifications = place(e, one.id, given[i], matches(*e, r.skip_keys), schedules);
    ++out.accepted;
    out.notifications += one.notifications;
  }
  return out;
}

/// Decides into which notifications an event's records go. Returns how many it is part of.
std::uint32_t account::place(const domain::event_ptr& e, std::string_view id, const id_hash* given,
                             const std::vector<std::pair<subscription_state*, domain::action>>& matches,
                             chunk_schedules& schedules) {
  const auto total = static_cast<std::uint32_t>(e->records.size());
  boost::container::small_vector<std::variant<entry::opened, entry::joined>, 4> entries;
  auto number = next_number_; // of the notification that is opened next
  for (const auto& [s, as] : matches) {
    const auto room = domain::records_per_notification(*s->compiled);
    const auto key = domain::merge_key(*s->compiled, *e, as);
    const auto delay = domain::chunk_delay(*s->compiled);
    std::uint32_t next = 0;
    if (delay == 0 && !s->waiting.empty()) {
      const auto* tail = find(domain::notification_number{s->waiting.back().second});
      if (!tail->test && tail->merge_key == key) {
        // One run of records joins; it ends where the notification is full or already has a record.
        auto free = room - std::min(room, static_cast<std::uint32_t>(tail->records.size()));
        while (next < total && free > 0 &&
               (s->now.speaks == domain::dialect::pipeliner || !holds(*tail, e->records[next]))) {
          ++next;
          --free;
        }
        if (next > 0)
          entries.emplace_back(entry::joined{tail->number, as, 0, next});
      }
    }
    chunk_schedule none;
    auto& schedule = delay == 0 ? none : schedules[raw(s->now.id)];
    if (const auto* last = find(domain::notification_number{schedule.last});
        delay > 0 && last != nullptr && last->state == notification_state::pending) {
      next = std::min(room - static_cast<std::uint32_t>(last->records.size()), total);
      if (next > 0)
        entries.emplace_back(entry::joined{last->number, as, 0, next});
    }
    while (next < total) {
      const auto count = std::min(room, total - next);
      entries.emplace_back(entry::opened{s->now.id, schedule.chunks * delay, key, as, next, count, false});
      next += count;
      ++schedule.chunks;
      schedule.last = number++;
    }
  }
  const auto notifications = static_cast<std::uint32_t>(entries.size());
  decide(entry::event{id, given != nullptr, notifications, e->bytes, 0}, e, given);
  for (const auto& planned : entries)
    std::visit([this](const auto& one) { decide(one); }, planned);
  return notifications;
}

std::variant<domain::notification_number, request_error> account::test(const test_subscription& r) {
  auto* s = subscriptions_.find(r.id);
  if (s == nullptr)
    return not_found("there is no such subscription");
  const auto sample = domain::sample_event(*s->compiled);
  const auto id = domain::event_public_id({who_.generation, who_.id, next_event_});
  decide(entry::event{id, false, 1, sample->bytes, 0}, sample, nullptr);
  const domain::notification_number number{next_number_};
  const auto as = s->compiled->match(*sample, {}).as;
  decide(entry::opened{r.id, 0, 0, as, 0, static_cast<std::uint32_t>(sample->records.size()), true});
  return number;
}

void account::release(const release_held& r) {
  settings_.held = false;
  batch_.tables.push_back(release_row());
  if (r.send)
    return;
  std::vector<domain::notification_number> all;
  for (const auto& [id, s] : subscriptions_.all()) {
    const auto waiting = s->waiting_numbers();
    all.insert(all.end(), waiting.begin(), waiting.end());
  }
  cancel_pending(all, notification_state::expired);
}

void account::erase() {
  // No log entry tells of it: the next checkpoint does, and until then the operator's settings.
  if (!std::exchange(erased_, true))
    ++unsaved_bytes_;
  std::vector<domain::subscription_id> ids;
  for (const auto& [id, s] : subscriptions_.all())
    if (!s->erased)
      ids.push_back(s->now.id);
  for (const auto id : ids)
    remove({id});
}

void account::cancel_pending(const std::vector<domain::notification_number>& numbers,
                             notification_state state) {
  if (!numbers.empty())
    decide(entry::dropped{state, numbers});
}

void account::end(domain::notification_number number, const domain::delivery_result& result) {
  const auto* n = find(number);
  if (n == nullptr || n->state != notification_state::claimed)
    return;
  auto* s = subscriptions_.find(n->subscription);
  const auto ago = std::chrono::floor<std::chrono::milliseconds>(context_.at.boot - result.ended);
  decide(entry::ended{number, result, context_.at.wall - ago});
  if (s != nullptr)
    judge_holding(*s, result);
}

void account::judge_holding(subscription_state& s, const domain::delivery_result& result) {
  const auto verdict =
      judge(s.now, result, context_.at.wall, {settings_.suspend_after_failures, settings_.suspend_after});
  if (verdict)
    decide(entry::subscription_status{s.now.id, verdict->status, verdict->reason});
}

bool account::may_claim(const subscription_state& s, domain::boot_time now) const {
  if (s.waiting.empty() || s.erased || s.waiting.front().first > now)
    return false;
  if (s.now.status == domain::subscription_status::paused || s.hold_until > now)
    return false;
  if (s.now.status == domain::subscription_status::suspended &&
      (s.in_flight > 0 || s.last_claim + settings_.probe_interval > now))
    return false;
  if (s.in_flight >= (s.now.ordered ? 1 : settings_.slots_per_subscription))
    return false;
  const auto origin = in_flight_by_origin_.find(s.origin);
  return origin == in_flight_by_origin_.end() || origin->second < settings_.slots_per_origin;
}

/// The subscription whose first waiting notification is the account's next to be claimed: earliest due, then
/// accepted.
subscription_state* account::next_claimable() {
  subscription_state* best = nullptr;
  for (const auto& [id, s] : subscriptions_.all())
    if (may_claim(*s, context_.at.boot) && (best == nullptr || s->waiting.front() < best->waiting.front()))
      best = s.get();
  return best;
}

std::size_t account::claim(const std::function<bool()>& take_slot) {
  expire_overdue();
  starved_ = false;
  entry::claimed claims;
  if (!settings_.paused && !settings_.held && !erased_ && pending_ > 0) {
    auto places = rate_.free(context_.at.boot);
    while (places > 0 && in_flight_ < settings_.slots) {
      auto* s = next_claimable();
      if (s == nullptr)
        break;
      if (!take_slot()) {
        starved_ = true;
        break;
      }
      // Each at once, as the next depends on it; written together.
      const domain::notification_number number{s->waiting.front().second};
      apply_claim(number);
      claimed_now_.push_back(raw(number));
      claims.numbers.push_back(number);
      --places;
    }
  }
  const auto claimed = claims.numbers.size();
  if (claimed > 0)
    write(claims);
  // What is over the backlog's limits goes, the oldest first; never what was just claimed.
  std::vector<domain::notification_number> surplus;
  auto records = pending_records_;
  auto bytes = pending_bytes_;
  if (records > settings_.backlog_records || bytes > settings_.backlog_bytes) {
    // The queues are sorted: the earliest of their heads is next, without a look at the rest of the backlog.
    using place = waiting_queue::const_iterator;
    std::vector<std::pair<place, place>> heads;
    const auto later = [](const auto& a, const auto& b) { return *a.first > *b.first; };
    for (const auto& [id, s] : subscriptions_.all())
      if (!s->waiting.empty())
        heads.emplace_back(s->waiting.begin(), s->waiting.end());
    std::make_heap(heads.begin(), heads.end(), later);
    while (!heads.empty() && (records > settings_.backlog_records || bytes > settings_.backlog_bytes)) {
      std::pop_heap(heads.begin(), heads.end(), later);
      const auto& n = *notifications_.find(heads.back().first->second);
      records -= n.records.size();
      bytes -= n.bytes();
      surplus.push_back(n.number);
      if (++heads.back().first == heads.back().second)
        heads.pop_back();
      else
        std::push_heap(heads.begin(), heads.end(), later);
    }
  }
  cancel_pending(surplus, notification_state::expired);
  return claimed;
}

void account::expire_overdue() {
  std::vector<domain::notification_number> late;
  for (const auto& [id, s] : subscriptions_.all())
    for (const auto& [due, number] : s->waiting) {
      if (due + settings_.backlog_age > context_.at.boot)
        break;
      late.push_back(domain::notification_number{number});
    }
  cancel_pending(late, notification_state::expired);
}

std::optional<domain::boot_time> account::next_wake(domain::boot_time now) {
  std::optional<domain::boot_time> wake;
  const auto sooner = [&wake](domain::boot_time t) {
    if (!wake || t < *wake)
      wake = t;
  };
  if (!overdue_claims_.empty())
    return now;
  bool ready = false;
  for (const auto& [id, s] : subscriptions_.all()) {
    if (s->waiting.empty())
      continue;
    const auto due = s->waiting.front().first;
    sooner(due + settings_.backlog_age);
    if (settings_.paused || settings_.held || s->now.status == domain::subscription_status::paused)
      continue;
    auto earliest = std::max(due, s->hold_until);
    if (s->now.status == domain::subscription_status::suspended) {
      if (s->in_flight > 0)
        continue;
      earliest = std::max(earliest, s->last_claim + settings_.probe_interval);
    }
    if (earliest > now)
      sooner(earliest);
    else
      ready |= may_claim(*s, now);
  }
  // Ready and not claimed: a window is full (slots come back with an outcome, which is a message).
  if (ready && in_flight_ < settings_.slots && !starved_) {
    if (rate_.free(now) > 0)
      sooner(now);
    else if (const auto t = rate_.next_free(now))
      sooner(*t);
  }
  return wake;
}

std::optional<domain::batch> account::finish() {
  if (batch_.entries.empty() && batch_.tables.empty())
    return std::nullopt;
  unsaved_bytes_ += batch_.entries.size();
  return std::exchange(batch_, {});
}

std::vector<outgoing> account::committed(std::uint64_t seq, std::uint32_t offset) {
  if (seq > 0)
    last_seq_ = seq;
  ids_.saved();
  for (const auto number : unplaced_) {
    auto* n = find(domain::notification_number{number});
    if (n == nullptr)
      continue;
    for (auto& p : n->parts)
      if (p.where.seq == 0) {
        p.where.seq = seq;
        p.where.offset += offset;
      }
  }
  std::vector<outgoing> out;
  out.reserve(claimed_now_.size());
  for (const auto number : std::exchange(claimed_now_, {}))
    out.push_back(prepare(*notifications_.find(number)));
  // Parsed events stay at hand only as far as the budget goes.
  for (const auto number : std::exchange(unplaced_, {})) {
    auto* n = find(domain::notification_number{number});
    if (n == nullptr)
      continue;
    if (n->state != notification_state::pending) {
      forget_sources(*n);
      continue;
    }
    for (auto& p : n->parts) {
      if (!p.source || p.kept)
        continue;
      p.kept = budget_.take(p.where.length);
      if (p.kept)
        kept_bytes_ += p.where.length;
      else
        p.source.reset();
    }
  }
  return out;
}

/// Lets go of the parsed events; they can be read from the log again.
void account::forget_sources(notification& n) {
  for (auto& p : n.parts) {
    if (p.where.seq == 0)
      continue;
    p.source.reset();
    if (std::exchange(p.kept, false)) {
      kept_bytes_ -= p.where.length;
      budget_.give_back(p.where.length);
    }
  }
}

outgoing account::prepare(notification& n) {
  outgoing out;
  out.number = n.number;
  out.deadline = n.course->claimed_boot + settings_.delivery_timeout;
  const auto* s = subscriptions_.find(n.subscription);
  if (s == nullptr)
    return out; // deleted in the turn that claimed it: the actor ends it without a POST
  domain::rendered_body rendered;
  try {
    const auto parts = body_parts(n);
    if (parts.size() != n.parts.size())
      return out; // an event is past retention: likewise
    rendered = domain::render_body(*s->compiled, settings_.name, parts, domain::secrets::shown);
  } catch (const std::exception&) {
    return out; // what can't be read or rendered: likewise, and the account lives on
  }
  out.subscription = s->compiled;
  out.body = std::move(rendered.body);
  forget_sources(n);
  out.headers.reserve(usual_headers);
  const auto line = [&out](std::string_view name, std::string_view value) {
    out.headers.append(name).append(": ").append(value).append("\r\n");
  };
  const auto id = domain::webhook_public_id({who_.generation, who_.id, raw(n.number)});
  const auto timestamp = std::chrono::floor<std::chrono::seconds>(n.course->claimed).time_since_epoch().count();
  line("webhook-id", id);
  line("webhook-timestamp", std::to_string(timestamp));
  const auto& signing = s->now.signing;
  // The dialect's own signature goes by the same name.
  if (!signing.current.empty() && !s->now.pipeliner.signature) {
    auto signature = crypto::sign(signing.current, id, timestamp, out.body);
    if (!signing.previous.empty() && signing.previous_expires && *signing.previous_expires > n.course->claimed)
      signature += " " + crypto::sign(signing.previous, id, timestamp, out.body);
    line("webhook-signature", signature);
  }
  if (n.test)
    line("webhook-test", "1");
  for (const auto& [name, value] : rendered.headers)
    line(name, value);
  return out;
}

} // namespace carillon::account
