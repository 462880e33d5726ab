#pragma once

#include "domain/subscription.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Writing JSON by appending: texts that came as JSON are spliced in as their bytes.
namespace carillon::domain {

/// Appends `text` (UTF-8) as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

/// Writes one object, member by member, into a text that it does not own. Closed by `close()`.
class object_writer {
public:
  explicit object_writer(std::string& out);
  object_writer& raw(std::string_view name, std::string_view json);
  object_writer& text(std::string_view name, std::string_view value);
  object_writer& number(std::string_view name, std::uint64_t value);
  object_writer& boolean(std::string_view name, bool value);
  object_writer& null(std::string_view name);
  object_writer& texts(std::string_view name, const std::vector<std::string>& values);
  /// An object of strings, in their order; with `masked` every value is "***".
  object_writer& pairs(std::string_view name, const string_pairs& values, bool masked);
  /// Appends the name and the colon; the caller appends the value.
  std::string& open(std::string_view name);
  void close();

private:
  std::string& out_;
  bool first_ = true;
};

/// What stands in place of a secret in logs, lists and explanations.
inline constexpr std::string_view secret_mask = "***";

} // namespace carillon::domain
