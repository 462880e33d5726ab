#include "net/header_rules.hpp"

#include <algorithm>
#include <array>

namespace carillon::net {

namespace {

constexpr std::array<std::string_view, 15> reserved{
    "host",    "content-length", "transfer-encoding", "connection", "keep-alive",       "te",        "trailer", "upgrade",
    "expect",  "content-type",   "user-agent",        "proxy-connection", "content-encoding", "http2-settings", "trailers"};
constexpr std::array<std::string_view, 2> reserved_prefixes{"proxy-", "webhook-"};

constexpr bool is_token_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

constexpr bool is_field_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '\t' || (byte >= 0x20 && byte != 0x7f);
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

} // namespace

std::optional<std::string> check_custom_header(std::string_view name, std::string_view value) {
  if (name.empty())
    return "a header's name must not be empty";
  if (name.size() > max_header_name)
    return "a header's name is longer than " + std::to_string(max_header_name) + " bytes";
  if (!std::all_of(name.begin(), name.end(), is_token_character))
    return "a header's name holds a character that is not allowed there";
  std::string lower{name};
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  if (std::find(reserved.begin(), reserved.end(), lower) != reserved.end() ||
      std::any_of(reserved_prefixes.begin(), reserved_prefixes.end(),
                  [&](std::string_view prefix) { return lower.starts_with(prefix); }))
    return "the header " + std::string{name} + " is reserved";
  if (value.size() > max_header_value)
    return "the value of " + std::string{name} + " is longer than " + std::to_string(max_header_value) + " bytes";
  if (!std::all_of(value.begin(), value.end(), is_field_character))
    return "the value of " + std::string{name} + " holds a control character";
  if (!value.empty() && (is_blank(value.front()) || is_blank(value.back())))
    return "the value of " + std::string{name} + " starts or ends with white space";
  return std::nullopt;
}

} // namespace carillon::net
