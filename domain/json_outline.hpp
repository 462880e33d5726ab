#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::domain {

struct json_part;

/// The values of one JSON text down to a depth, with their keys, in the order of the text: what the gate came
/// by while it checked the text (`check_json`), so that whoever reads it needn't look for their ends again.
class json_outline {
public:
  /// Longer texts have none.
  static constexpr std::size_t longest_text = std::numeric_limits<std::uint32_t>::max();

  /// `depth` 1: the members or elements of the text's value, 2: also theirs, and so on.
  explicit json_outline(std::size_t depth) : depth_(depth) {}

  std::size_t depth() const noexcept { return depth_; }
  void clear() noexcept { nodes_.clear(); }
  /// Gives its memory back when that holds more values than these.
  void keep_at_most(std::size_t values) {
    if (nodes_.capacity() > values)
      std::vector<node>{}.swap(nodes_);
  }

  /// A value begins, `key` and `value` bytes from the text's beginning on. Returns its number, for `end`.
  std::size_t begin(std::size_t key, std::size_t key_size, bool escaped, std::size_t value) {
    nodes_.push_back({static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key_size),
                      static_cast<std::uint32_t>(value), 0, 0, escaped});
    return nodes_.size() - 1;
  }
  void end(std::size_t number, std::size_t value_end) {
    auto& n = nodes_[number];
    n.value_size = static_cast<std::uint32_t>(value_end) - n.value;
    n.behind = static_cast<std::uint32_t>(nodes_.size());
  }

  /// Walks over the members of an object or the elements of an array, in order.
  class reader {
  public:
    /// Of nothing.
    reader() = default;
    /// Moves on to the next one; false at the end.
    bool next(json_part& part);
    /// The same values in a copy of a part of the text: `copy` is what lay at the byte `from`.
    reader in_copy(const char* copy, std::size_t from) const {
      return {outline_, copy, static_cast<std::uint32_t>(from), at_, end_};
    }

  private:
    friend class json_outline;
    friend struct json_part;
    reader(const json_outline* outline, const char* text, std::uint32_t from, std::uint32_t at,
           std::uint32_t end)
        : outline_(outline), text_(text), from_(from), at_(at), end_(end) {}

    const json_outline* outline_ = nullptr;
    const char* text_ = nullptr; ///< the byte `from_` of the outlined text
    std::uint32_t from_ = 0;
    std::uint32_t at_ = 0, end_ = 0; ///< numbers of the next value, and behind the last
  };

  /// The members or elements of the value of `text`, which was outlined.
  reader values(std::string_view text) const {
    return {this, text.data(), 0, 0, static_cast<std::uint32_t>(nodes_.size())};
  }

private:
  struct node {
    std::uint32_t key, key_size, value, value_size;
    std::uint32_t behind; ///< number of the value that follows this one and all in it
    bool escaped;
  };

  std::size_t depth_;
  std::vector<node> nodes_;
};

/// One value of an outline: views into the text.
struct json_part {
  std::string_view key; ///< between the quotes, as written; empty for an element of an array
  std::string_view value;
  bool escaped = false; ///< whether `key` holds a backslash
  /// Its own members or elements; nothing below the outline's depth.
  json_outline::reader inside;

  /// Whether the name, unescaped, is `wanted`.
  bool is(std::string_view wanted) const;
  /// The name, unescaped.
  std::string name() const;
};

inline bool json_outline::reader::next(json_part& part) {
  if (at_ == end_)
    return false;
  const auto& n = outline_->nodes_[at_];
  part.key = {text_ + (n.key - from_), n.key_size};
  part.value = {text_ + (n.value - from_), n.value_size};
  part.escaped = n.escaped;
  part.inside = {outline_, text_, from_, at_ + 1, n.behind};
  at_ = n.behind;
  return true;
}

} // namespace carillon::domain
