#include "domain/event_lookups.hpp"

#include "domain/event.hpp"
#include "domain/json_slices.hpp"
#include "domain/text_fold.hpp"

#include <algorithm>

namespace carillon::domain {

namespace {
/// Up to this size in bytes, folding a string in ASCII costs less than finding the result of the last time.
constexpr std::size_t folded_at_once = 64;
} // namespace

const member_index& event_lookups::lazy_index::get(std::string_view object) {
  std::call_once(once, [&] { index = member_index{object}; });
  return index;
}

const member_index& event_lookups::record() const {
  return record_.get(event_.record);
}

const member_index& event_lookups::changes() const {
  return changes_.get(event_.changes);
}

const member_index& event_lookups::included() const {
  return included_.get(event_.included);
}

const std::vector<std::string_view>& event_lookups::changed() const {
  std::call_once(changed_once_, [this] {
    if (event_.changed_fields)
      changed_.assign(event_.changed_fields->begin(), event_.changed_fields->end());
    std::sort(changed_.begin(), changed_.end());
  });
  return changed_;
}

std::string_view event_lookups::folded(std::string_view json, std::string& buffer) const {
  if (json.size() <= folded_at_once && is_ascii(json)) {
    buffer = fold_case(string_value(json));
    return buffer;
  }
  const std::lock_guard lock{folded_mutex_};
  const auto [entry, added] = folded_.try_emplace(json.data());
  if (added)
    entry->second = fold_case(string_value(json));
  return entry->second;
}

const event_lookups& event::lookups() const {
  std::call_once(lookups_once_, [this] { lookups_ = std::make_unique<event_lookups>(*this); });
  return *lookups_;
}

} // namespace carillon::domain
