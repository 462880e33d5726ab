#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace carillon::domain;

namespace {

/// Writes the value again from its parts; a good text must come out meaning the same.
std::string rebuild(std::string_view value) {
  std::string out;
  if (type_of(value) == json_type::object) {
    out = "{";
    json_member m;
    for (object_reader reader{value}; reader.next(m);)
      out += (out.size() > 1 ? ",\"" : "\"") + std::string{m.key} + "\":" + rebuild(m.value);
    return out + "}";
  }
  if (type_of(value) == json_type::array) {
    out = "[";
    std::string_view element;
    for (array_reader reader{value}; reader.next(element);)
      out += (out.size() > 1 ? "," : "") + rebuild(element);
    return out + "]";
  }
  return std::string{value};
}

/// The same from the outline, which must hold what the readers find, down to its depth.
std::string rebuild(std::string_view value, json_outline::reader inside, std::size_t depth) {
  const auto type = type_of(value);
  if (depth == 0 || (type != json_type::object && type != json_type::array))
    return rebuild(value);
  std::string out;
  for (json_part part; inside.next(part);) {
    out += out.empty() ? "" : ",";
    if (type == json_type::object)
      out += '"' + std::string{part.key} + "\":";
    out += rebuild(part.value, part.inside, depth - 1);
  }
  return type == json_type::object ? "{" + out + "}" : "[" + out + "]";
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (check_json(text)) {
    // Refused texts are not read anywhere, but reading them must stay inside.
    json_member m;
    for (object_reader reader{text}; reader.next(m);)
      m.name();
    std::string_view element;
    for (array_reader reader{text}; reader.next(element);)
      type_of(element);
    return 0;
  }
  const auto value = trim_json(text);
  const auto again = rebuild(value);
  if (check_json(again) || !same_json(again, value))
    std::abort();
  constexpr std::size_t depth = 5;
  json_outline outline{depth};
  if (check_json(text, outline) || rebuild(value, outline.values(text), depth) != again)
    std::abort();
  return 0;
}
