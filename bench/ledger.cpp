#include "bench/ledger.hpp"

#include <fmt/format.h>

#include <charconv>
#include <functional>

namespace carillon::bench {

namespace {

std::int64_t nanoseconds_of(domain::boot_time t) {
  return t.time_since_epoch().count();
}

} // namespace

std::string verdict::to_string() const {
  return fmt::format(
      "{} accepted, {} delivered, {} lost, {} events and {} POSTs doubled, {} unexpected, {} unanswered",
      accepted, delivered, lost, doubled_events, doubled_posts, unexpected, unanswered);
}

void ledger::start(std::uint64_t first) {
  const std::lock_guard lock{mutex_};
  first_ = first;
  entries_.clear();
  ids_.clear();
  doubled_posts_ = unexpected_ = 0;
  accepted_ = arrived_ = posts_ = 0;
}

ledger::entry* ledger::find(std::uint64_t number) {
  return number >= first_ && number - first_ < entries_.size() ? &entries_[number - first_] : nullptr;
}

void ledger::posted(std::uint64_t first, std::uint64_t count, domain::boot_time at) {
  const std::lock_guard lock{mutex_};
  const auto begin = first - first_;
  if (entries_.size() < begin + count)
    entries_.resize(begin + count);
  for (auto i = begin; i < begin + count; ++i)
    entries_[i].posted = nanoseconds_of(at);
}

void ledger::accepted(std::uint64_t first, std::uint64_t count, domain::boot_time at) {
  {
    const std::lock_guard lock{mutex_};
    for (auto i = first; i < first + count; ++i)
      if (auto* e = find(i))
        e->accepted = nanoseconds_of(at);
  }
  accepted_.fetch_add(count, std::memory_order_relaxed);
}

void ledger::refused(std::uint64_t first, std::uint64_t count) {
  const std::lock_guard lock{mutex_};
  for (auto i = first; i < first + count; ++i)
    if (auto* e = find(i))
      e->refused = true;
}

void ledger::arrive(std::uint64_t number, std::int64_t at) {
  auto* e = find(number);
  if (!e) {
    ++unexpected_;
    return;
  }
  if (e->arrivals++ == 0) {
    e->arrived = at;
    arrived_.fetch_add(1, std::memory_order_relaxed);
  }
}

void ledger::arrived(std::string_view webhook_id, std::string_view body, domain::boot_time at) {
  constexpr std::string_view ids = "\"ids\":[";
  const std::lock_guard lock{mutex_};
  posts_.fetch_add(1, std::memory_order_relaxed);
  // 64 bits of hash: among a million ids two are the same by chance in one of 37 million runs.
  if (!ids_.insert(std::hash<std::string_view>{}(webhook_id)).second)
    ++doubled_posts_;
  if (body.starts_with('['))
    return arrive_items(body, nanoseconds_of(at));
  if (const auto place = body.find(ids); place != std::string_view::npos)
    arrive_all(body.substr(place + ids.size()), nanoseconds_of(at));
  else
    ++unexpected_;
}

/// Copper's: numbers with commas.
void ledger::arrive_all(std::string_view ids, std::int64_t at) {
  const char* const end = ids.data() + ids.size();
  for (const char* next = ids.data();; ++next) {
    std::uint64_t number = 0;
    const auto [rest, error] = std::from_chars(next, end, number);
    if (error != std::errc{}) {
      ++unexpected_;
      return;
    }
    arrive(number, at);
    if (rest == end || *rest != ',')
      return;
    next = rest;
  }
}

/// Pipeliner's: each item shows its entity's id first.
void ledger::arrive_items(std::string_view body, std::int64_t at) {
  constexpr std::string_view entity = "\"entity\":{\"id\":\"";
  bool any = false;
  for (auto place = body.find(entity); place != std::string_view::npos; place = body.find(entity, place)) {
    place += entity.size();
    std::uint64_t number = 0;
    if (std::from_chars(body.data() + place, body.data() + body.size(), number).ec == std::errc{})
      arrive(number, at);
    else
      ++unexpected_;
    any = true;
  }
  unexpected_ += any ? 0 : 1;
}

verdict ledger::judge() const {
  const std::lock_guard lock{mutex_};
  verdict v;
  v.doubled_posts = doubled_posts_;
  v.unexpected = unexpected_;
  for (const auto& e : entries_) {
    if (e.accepted != 0) {
      ++v.accepted;
      ++(e.arrivals > 0 ? v.delivered : v.lost);
    } else if (e.refused && e.arrivals > 0) {
      ++v.unexpected;
    } else if (e.posted != 0 && !e.refused) {
      ++v.unanswered;
    }
    if (e.arrivals > 1)
      ++v.doubled_events;
  }
  return v;
}

std::vector<std::int64_t> ledger::spans(moment first, moment second, domain::boot_time from,
                                        domain::boot_time to) const {
  const auto of = [](const entry& e, moment m) {
    return m == moment::posted ? e.posted : m == moment::accepted ? e.accepted : e.arrived;
  };
  const std::lock_guard lock{mutex_};
  std::vector<std::int64_t> found;
  for (const auto& e : entries_) {
    const auto a = of(e, first), b = of(e, second);
    if (a != 0 && b != 0 && e.posted >= nanoseconds_of(from) && e.posted < nanoseconds_of(to))
      found.push_back(b - a);
  }
  return found;
}

std::vector<ledger::fate> ledger::fates(std::uint64_t first, std::uint64_t count) const {
  const auto moment_of = [](std::int64_t ns) {
    return ns == 0 ? std::nullopt : std::optional{domain::boot_time{std::chrono::nanoseconds{ns}}};
  };
  const std::lock_guard lock{mutex_};
  std::vector<fate> out;
  for (auto number = first; number < first + count; ++number) {
    const auto index = number - first_;
    const auto e = number >= first_ && index < entries_.size() ? entries_[index] : entry{};
    out.push_back({moment_of(e.posted), moment_of(e.accepted), moment_of(e.arrived)});
  }
  return out;
}

std::optional<domain::boot_time> ledger::first_arrival(domain::boot_time from) const {
  std::optional<std::int64_t> first;
  const std::lock_guard lock{mutex_};
  for (const auto& e : entries_)
    if (e.arrived >= nanoseconds_of(from) && (!first || e.arrived < *first))
      first = e.arrived;
  if (!first)
    return std::nullopt;
  return domain::boot_time{std::chrono::nanoseconds{*first}};
}

} // namespace carillon::bench
