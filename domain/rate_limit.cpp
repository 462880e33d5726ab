#include "domain/rate_limit.hpp"

#include <algorithm>
#include <limits>

namespace carillon::domain {

namespace {

// Times from before this boot are negative: ceil and floor round those rightly, too.
std::int64_t round_up_ms(boot_time t) {
  return std::chrono::ceil<std::chrono::milliseconds>(t.time_since_epoch()).count();
}
std::int64_t round_down_ms(boot_time t) {
  return std::chrono::floor<std::chrono::milliseconds>(t.time_since_epoch()).count();
}
boot_time from_ms(std::int64_t ms) {
  return boot_time{std::chrono::milliseconds{ms}};
}
std::int64_t length_ms(const limit_window& w) {
  return std::chrono::milliseconds{w.length}.count();
}

} // namespace

void rate_limit::set_windows(std::vector<limit_window> windows) {
  windows_ = std::move(windows);
  cursors_.assign(windows_.size(), {});
  for (auto& c : cursors_)
    for (const auto& b : history_)
      c.used += b.count;
}

void rate_limit::insert(std::int64_t at_ms, std::uint32_t count, keeping as) {
  // Outcomes come nearly in order of their first bytes, so the place is near the end.
  auto pos = history_.end();
  while (pos != history_.begin() && std::prev(pos)->at_ms > at_ms)
    --pos;
  const bool merges = pos != history_.begin() && std::prev(pos)->at_ms == at_ms;
  const auto index = static_cast<std::size_t>(pos - history_.begin()) - (merges ? 1 : 0);
  const auto unsaved = as == keeping::unsaved ? count : 0;
  if (merges) {
    history_[index].count += count;
    history_[index].unsaved += unsaved;
  } else {
    history_.insert(pos, bucket{at_ms, count, unsaved});
  }
  if (unsaved > 0)
    saved_before_ = std::min(saved_before_, index);
  else if (!merges && index < saved_before_)
    ++saved_before_;
  for (auto& c : cursors_) {
    if (index >= c.head)
      c.used += count;
    else if (!merges)
      ++c.head;
  }
}

void rate_limit::settle(boot_time first_byte) {
  if (held_ > 0)
    --held_;
  insert(round_up_ms(first_byte), 1, keeping::unsaved);
}

void rate_limit::remember(boot_time first_byte, std::uint32_t count, keeping as) {
  insert(round_up_ms(first_byte), count, as);
}

std::vector<rate_limit::bucket> rate_limit::unsaved() const {
  std::vector<bucket> out;
  for (auto i = saved_before_; i < history_.size(); ++i)
    if (history_[i].unsaved > 0)
      out.push_back({history_[i].at_ms, history_[i].unsaved, history_[i].unsaved});
  return out;
}

void rate_limit::saved(std::size_t buckets) {
  for (; saved_before_ < history_.size(); ++saved_before_) {
    auto& unsaved = history_[saved_before_].unsaved;
    if (unsaved == 0)
      continue;
    if (buckets == 0)
      return;
    unsaved = 0;
    --buckets;
  }
}

std::chrono::seconds rate_limit::longest() const {
  std::chrono::seconds out{0};
  for (const auto& w : windows_)
    out = std::max(out, w.length);
  return out;
}

void rate_limit::advance(boot_time now) {
  const auto now_ms = round_down_ms(now);
  auto oldest = history_.size();
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    auto& c = cursors_[i];
    const auto length = length_ms(windows_[i]);
    while (c.head < history_.size() && history_[c.head].at_ms + length <= now_ms) {
      c.used -= history_[c.head].count;
      ++c.head;
    }
    oldest = std::min(oldest, c.head);
  }
  for (auto& c : cursors_)
    c.head -= oldest;
  saved_before_ -= std::min(saved_before_, oldest);
  history_.erase(history_.begin(), history_.begin() + static_cast<std::ptrdiff_t>(oldest));
}

std::uint32_t rate_limit::free(boot_time now) {
  advance(now);
  auto places = std::uint64_t{std::numeric_limits<std::uint32_t>::max()};
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const auto used = cursors_[i].used + held_;
    places = std::min(places, windows_[i].count > used ? windows_[i].count - used : 0);
  }
  return static_cast<std::uint32_t>(places);
}

std::optional<boot_time> rate_limit::next_free(boot_time now) {
  advance(now);
  auto latest = now;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    auto used = cursors_[i].used + held_;
    for (auto b = cursors_[i].head; used >= windows_[i].count; ++b) {
      if (b >= history_.size())
        return std::nullopt;
      used -= history_[b].count;
      latest = std::max(latest, from_ms(history_[b].at_ms + length_ms(windows_[i])));
    }
  }
  return latest;
}

std::vector<rate_limit::use> rate_limit::usage(boot_time now) {
  advance(now);
  std::vector<use> out;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    use u{windows_[i], static_cast<std::uint32_t>(cursors_[i].used + held_), std::nullopt};
    if (cursors_[i].head < history_.size())
      u.next_free = from_ms(history_[cursors_[i].head].at_ms + length_ms(windows_[i]));
    out.push_back(u);
  }
  return out;
}

} // namespace carillon::domain
