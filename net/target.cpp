#include "net/target.hpp"

#include "net/egress_policy.hpp"

#include <idn2.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace carillon::net {

namespace asio = boost::asio;

namespace {

/// Carries a refusal's text up to `parse_target`; never leaves this file.
struct refusal {
  std::string text;
};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower_letter(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

void lower(std::string& text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c + ('a' - 'A'));
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string to_ascii_name(const std::string& name) {
  char* converted = nullptr;
  const int result = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(name.c_str()),
                                    reinterpret_cast<std::uint8_t**>(&converted),
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (result != IDN2_OK)
    throw refusal{std::string{"the host is not a valid international name: "} + idn2_strerror(result)};
  std::string ascii{converted};
  idn2_free(converted);
  return ascii;
}

// Checked after IDNA: its mappings turn some letters into digits, dots, slashes and percent signs.
void check_name(std::string_view name) {
  if (name.empty())
    throw refusal{"the URL has no host"};
  if (name.size() > 253)
    throw refusal{"the host is longer than 253 characters"};
  while (true) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (label.empty() || label.size() > 63)
      throw refusal{"a label of the host is empty or longer than 63 characters"};
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return is_lower_letter(c) || is_digit(c) || c == '-' || c == '_'; }) ||
        label.front() == '-' || label.back() == '-')
      throw refusal{"the host holds a character that is not allowed there"};
    if (dot == std::string_view::npos)
      break;
    name.remove_prefix(dot + 1);
  }
}

bool looks_numeric(std::string_view name) {
  const auto last = name.substr(name.rfind('.') + 1); // npos + 1 is 0
  return std::all_of(last.begin(), last.end(), is_digit) || last.starts_with("0x");
}

std::optional<asio::ip::address_v4> strict_quad(std::string_view text) {
  asio::ip::address_v4::bytes_type bytes{};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3))
      return std::nullopt;
    const auto part = text.substr(0, dot);
    unsigned value = 0;
    const auto [end, failure] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (failure != std::errc{} || end != part.data() + part.size() || value > 255 ||
        (part.size() > 1 && part.front() == '0'))
      return std::nullopt;
    bytes[i] = static_cast<unsigned char>(value);
    text = i == 3 ? std::string_view{} : text.substr(dot + 1);
  }
  return asio::ip::address_v4{bytes};
}

void read_host(std::string_view text, delivery_target& into) {
  if (text.starts_with('[')) {
    boost::system::error_code error;
    const auto parsed = asio::ip::make_address_v6(std::string{text.substr(1, text.size() - 2)}, error);
    if (error || !text.ends_with(']'))
      throw refusal{"the host is not a valid IPv6 address"};
    into.literal = parsed;
    into.host = parsed.to_string();
    into.host_header = "[" + into.host + "]";
    return;
  }
  std::string name{text};
  lower(name);
  if (name.ends_with('.'))
    name.pop_back();
  if (!is_ascii(name) || name.find("xn--") != std::string::npos) {
    name = to_ascii_name(name);
    lower(name);
    if (name.ends_with('.'))
      throw refusal{"a label of the host is empty or longer than 63 characters"};
  }
  check_name(name);
  if (looks_numeric(name)) {
    const auto quad = strict_quad(name);
    if (!quad)
      throw refusal{"the host ends like a number but is no IPv4 address in its usual form"};
    into.literal = *quad;
  }
  into.host = name;
  into.host_header = name;
}

std::uint16_t read_port(std::string_view text) {
  if (text.empty())
    return 443;
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || text.size() > 5 || value == 0 || value > 65535)
    throw refusal{"the port must be a number from 1 to 65535"};
  return static_cast<std::uint16_t>(value);
}

// Keeps what RFC 3986 allows in a path or query, percent signs of valid escapes included, and encodes the rest.
std::string encode_path(std::string_view text) {
  constexpr std::string_view allowed = "-._~!$&'()*+,;=:@/?";
  constexpr char digits[] = "0123456789ABCDEF";
  std::string path;
  if (!text.starts_with('/'))
    path.push_back('/');
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2]))
        throw refusal{"a percent sign in the path or query is not followed by two hexadecimal digits"};
      path.push_back(c);
    } else if (is_digit(c) || is_lower_letter(c) || (c >= 'A' && c <= 'Z') ||
               allowed.find(c) != std::string_view::npos) {
      path.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      path.push_back('%');
      path.push_back(digits[byte >> 4U]);
      path.push_back(digits[byte & 15U]);
    }
  }
  return path;
}

std::shared_ptr<const delivery_target> read_url(std::string_view url, const egress_policy& policy) {
  if (url.size() > max_target_url)
    throw refusal{"the URL is longer than " + std::to_string(max_target_url) + " bytes"};
  for (char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f)
      throw refusal{"the URL holds white space or a control character"};
    if (c == '\\')
      throw refusal{"the URL holds a backslash"};
  }
  constexpr std::string_view scheme = "https://";
  std::string head{url.substr(0, scheme.size())};
  lower(head);
  if (head != scheme)
    throw refusal{"the URL must start with https://"};
  url.remove_prefix(scheme.size());

  const auto authority = url.substr(0, url.find_first_of("/?#"));
  auto rest = url.substr(authority.size());
  rest = rest.substr(0, rest.find('#'));
  if (authority.find('@') != std::string_view::npos)
    throw refusal{"the URL must not hold a user name or password"};
  if (authority.find('%') != std::string_view::npos)
    throw refusal{"the host must not hold a percent sign"};

  const auto bracket = authority.rfind(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const auto host = authority.substr(0, colon);
  const auto port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon + 1);

  auto target = std::make_shared<delivery_target>();
  read_host(host, *target);
  target->port = read_port(port);
  target->path = encode_path(rest);
  target->origin = target->host_header + ":" + std::to_string(target->port);
  if (target->port != 443)
    target->host_header = target->origin;

  if (auto why = policy.judge_port(target->port))
    throw refusal{*why};
  if (target->literal)
    if (auto why = policy.judge(*target->literal))
      throw refusal{*why};
  return target;
}

} // namespace

target_result parse_target(std::string_view url, const egress_policy& policy) {
  try {
    return {read_url(url, policy), {}};
  } catch (const refusal& why) {
    return {nullptr, why.text};
  }
}

} // namespace carillon::net
