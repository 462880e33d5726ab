#include "domain/member_index.hpp"

#include "domain/json_slices.hpp"

#include <algorithm>
#include <functional>
#include <string>

namespace carillon::domain {

namespace {

std::uint32_t hash_of(std::string_view name) {
  return static_cast<std::uint32_t>(std::hash<std::string_view>{}(name));
}

bool escaped(std::string_view key) {
  return key.find('\\') != std::string_view::npos;
}

/// How an unescaped name is ordered against a key as written.
int order_names(std::string_view key, std::string_view name) {
  return escaped(key) ? unescape_json(key).compare(name) : key.compare(name);
}

} // namespace

member_index::member_index(std::string_view object) : text_(object.data()) {
  const auto offset = [this](std::string_view part) {
    return static_cast<std::uint32_t>(part.data() - text_);
  };
  json_member member;
  for (object_reader reader{object}; reader.next(member);)
    entries_.push_back({escaped(member.key) ? hash_of(member.name()) : hash_of(member.key),
                        offset(member.key), static_cast<std::uint32_t>(member.key.size()),
                        offset(member.value), static_cast<std::uint32_t>(member.value.size())});
  entries_.shrink_to_fit();
  std::sort(entries_.begin(), entries_.end(), [this](const entry& a, const entry& b) {
    if (a.hash != b.hash)
      return a.hash < b.hash;
    const auto right = key(b);
    const int order = escaped(right) ? order_names(key(a), unescape_json(right)) : order_names(key(a), right);
    return order != 0 ? order < 0 : a.key < b.key;
  });
}

std::string_view member_index::find(std::string_view name) const {
  const auto hash = hash_of(name);
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), name, [this, hash](const entry& e, std::string_view wanted) {
        return e.hash != hash ? e.hash < hash : order_names(key(e), wanted) < 0;
      });
  if (found == entries_.end() || found->hash != hash || order_names(key(*found), name) != 0)
    return {};
  return value(*found);
}

} // namespace carillon::domain
