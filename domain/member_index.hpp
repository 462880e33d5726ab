#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace carillon::domain {

/// An object's members by name, for objects that are searched again and again. A search costs the logarithm
/// of the number of members, whatever their names: no choice of names makes it slow. 20 bytes a member.
///
/// Holds views: the text must outlive it. It must have passed `check_json`, and have less than 4 GiB.
class member_index {
public:
  member_index() = default;
  /// Reads the object once. Anything but an object has no members.
  explicit member_index(std::string_view object);

  /// What `find_member` finds.
  std::string_view find(std::string_view name) const;
  bool empty() const { return entries_.empty(); }

private:
  struct entry {
    std::uint32_t hash; ///< of the unescaped name
    std::uint32_t key;  ///< where its characters begin, from `text_` on
    std::uint32_t key_size;
    std::uint32_t value; ///< where its value begins
    std::uint32_t value_size;
  };
  std::string_view key(const entry& e) const { return {text_ + e.key, e.key_size}; }
  std::string_view value(const entry& e) const { return {text_ + e.value, e.value_size}; }

  const char* text_ = nullptr;
  std::vector<entry> entries_; ///< by hash, then by name
};

} // namespace carillon::domain
