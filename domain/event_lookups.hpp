#pragma once

#include "domain/member_index.hpp"

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace carillon::domain {

struct event;

/// What matching and rendering look up in one event, for every subscription again: found once, on first use.
/// Belongs to its event and lives as long. Thread-safe.
///
/// Bounded by the event: 20 bytes a member of its objects, and for the strings that filters fold at most
/// twice their own size.
class event_lookups {
public:
  explicit event_lookups(const event& e) : event_(e) {}

  /// The members of the record, of `changes` and of `included`; none where the event has no such object.
  const member_index& record() const;
  const member_index& changes() const;
  const member_index& included() const;

  /// The names of the changed fields, sorted; empty also when the event tells none.
  const std::vector<std::string_view>& changed() const;

  /// The text of one of the event's strings (with its quotes) with its case folded. Where folding is work, it
  /// is done once and kept; else the result is in `buffer`.
  std::string_view folded(std::string_view json, std::string& buffer) const;

private:
  struct lazy_index {
    std::once_flag once;
    member_index index;
    const member_index& get(std::string_view object);
  };

  const event& event_;
  mutable lazy_index record_, changes_, included_;
  mutable std::once_flag changed_once_;
  mutable std::vector<std::string_view> changed_;
  mutable std::mutex folded_mutex_;
  mutable std::unordered_map<const char*, std::string> folded_; ///< by the string's place; never taken out
};

} // namespace carillon::domain
