#pragma once

#include "domain/json_outline.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace carillon::domain {

/// What one JSON text may hold, so that nothing behind the gate needs limits of its own.
struct json_limits {
  std::size_t depth = 64;             ///< objects and arrays inside each other; more than 64 is never allowed
  std::size_t key_bytes = 1'024;      ///< of one member's name, as written
  std::size_t string_bytes = 1 << 20; ///< of one string, as written
  std::size_t number_bytes = 512;     ///< of one number: digits are kept, not computed with
  std::size_t members = 20'000;       ///< of one object
  std::size_t elements = 100'000;     ///< of one array
  std::size_t values = 1'000'000;     ///< in the whole text
};

/// What is wrong with a JSON text, and where.
struct json_fault {
  std::size_t offset = 0; ///< byte from 0 at which it was noticed
  std::string pointer;    ///< JSON pointer as a URI fragment, "#/3/record"
  std::string detail;     ///< a sentence without the place: "the key \"name\" appears twice"
};

/// Checks that `text` is one JSON value (RFC 8259) in good UTF-8, without duplicate keys (compared
/// unescaped), lone surrogates or trailing data, and within the limits. Nothing when it is; all of
/// `json_slices.hpp` relies on that. One pass, no allocation for usual texts.
std::optional<json_fault> check_json(std::string_view text, const json_limits& limits = {});

/// The same, and writes down what the text consists of. A text that is too long for an outline is refused.
std::optional<json_fault> check_json(std::string_view text, json_outline& outline,
                                     const json_limits& limits = {});

/// Appends "/" and the member's name to a JSON pointer in fragment form, escaped per RFC 6901 and RFC 3986.
void append_pointer(std::string& pointer, std::string_view name);
void append_pointer(std::string& pointer, std::size_t index);

} // namespace carillon::domain
