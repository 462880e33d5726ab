#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Reading JSON without a tree: a value is the view of its bytes, so it can be sent on exactly as it came.
///
/// Every function expects text that passed `check_json`. For other text the results are meaningless, but
/// nothing is read outside the view.
namespace carillon::domain {

enum class json_type : unsigned char { none, object, array, string, number, boolean, null };

/// The type of a value by its first byte; `none` for an empty view.
json_type type_of(std::string_view value);
/// "an object", "a string", ...: for messages.
std::string_view describe(json_type type);

/// One member of an object: views into its text.
struct json_member {
  std::string_view key;   ///< between the quotes, as written
  std::string_view value; ///< without the white space around
  /// Whether the name, unescaped, is `name`.
  bool is(std::string_view name) const;
  /// The name, unescaped.
  std::string name() const;
};

/// Walks over the members of an object, in order.
class object_reader {
public:
  /// Anything but an object has no members.
  explicit object_reader(std::string_view object);
  /// Moves on to the next member; false at the end.
  bool next(json_member& member);

private:
  const char* p_;
  const char* end_;
};

/// Walks over the elements of an array, in order.
class array_reader {
public:
  /// Anything but an array has no elements.
  explicit array_reader(std::string_view array);
  /// Moves on to the next element; false at the end.
  bool next(std::string_view& element);

private:
  const char* p_;
  const char* end_;
};

/// Walks over the elements of an array and of the arrays in it, however deep, in order: over those that are
/// no arrays themselves. Reads the text once.
class leaf_reader {
public:
  /// Anything but an array has no elements.
  explicit leaf_reader(std::string_view array);
  /// Moves on to the next element; false at the end.
  bool next(std::string_view& element);

private:
  const char* p_;
  const char* end_;
};

/// The value of an object's member, or an empty view: also when `object` is none.
std::string_view find_member(std::string_view object, std::string_view name);

/// A member with its name unescaped.
struct named_value {
  std::string name;
  std::string_view value;
};

/// An object's members by name.
std::vector<named_value> sorted_members(std::string_view object);

/// The text without the white space around it.
std::string_view trim_json(std::string_view text);

/// The characters a string stands for. `raw` is what stands between its quotes.
std::string unescape_json(std::string_view raw);
/// Of a string value with its quotes.
std::string string_value(std::string_view value);
/// Whether a string value stands for exactly `text`.
bool string_is(std::string_view value, std::string_view text);

/// Whether two values mean the same: escapes, white space, the order of members and the spelling of numbers
/// don't count (1, 1.0 and 10e-1 are equal, digit by digit and not as floating point).
bool same_json(std::string_view a, std::string_view b);

} // namespace carillon::domain
