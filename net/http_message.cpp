#include "net/http_message.hpp"

#include <algorithm>

namespace carillon::net {

namespace {

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

} // namespace

bool same_field_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void http_fields::add(std::string_view name, std::string_view value) {
  const auto at = text_.size();
  text_ += name;
  text_ += value;
  places_.push_back({at, at + name.size(), text_.size()});
}

void http_fields::clear() noexcept {
  text_.clear();
  places_.clear();
}

std::optional<std::string_view> http_fields::find(std::string_view name) const {
  for (const auto& [known, value] : *this)
    if (same_field_name(known, name))
      return value;
  return std::nullopt;
}

std::optional<std::string_view> http_request::query_value(std::string_view name) const {
  for (const auto& [parameter, value] : query)
    if (parameter == name)
      return std::string_view{value};
  return std::nullopt;
}

} // namespace carillon::net
