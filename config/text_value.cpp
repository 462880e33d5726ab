#include "config/text_value.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

namespace carillon::config {

namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr unit duration_units[] = {
    {"ms", 1}, {"s", 1'000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr unit size_units[] = {{"", 1},
                               {"KiB", defaults::kibibyte},
                               {"MiB", defaults::mebibyte},
                               {"GiB", defaults::gibibyte},
                               {"TiB", 1024 * defaults::gibibyte}};

constexpr std::uint64_t largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const unit (&units)[N]) {
  const auto digits = text.find_first_not_of("0123456789");
  const auto count = parse_count(text.substr(0, digits));
  const auto suffix = digits == std::string_view::npos ? std::string_view{} : text.substr(digits);
  if (!count)
    return std::nullopt;
  for (const auto& candidate : units)
    if (candidate.name == suffix)
      return *count <= largest / candidate.factor ? std::optional{*count * candidate.factor} : std::nullopt;
  return std::nullopt;
}

template <std::size_t N>
std::string format_with_unit(std::uint64_t value, const unit (&units)[N], std::size_t unit_of_zero) {
  std::size_t best = value == 0 ? unit_of_zero : 0;
  for (std::size_t i = 0; value != 0 && i < N; ++i)
    if (value % units[i].factor == 0)
      best = i;
  return std::to_string(value / units[best].factor) + std::string{units[best].name};
}

/// An address as inet_pton writes it; `bits` is 32 or 128.
struct address_bytes {
  std::array<unsigned char, 16> bytes{};
  std::uint64_t bits = 0;
};

std::optional<address_bytes> parse_address(std::string_view text) {
  const std::string terminated{text};
  address_bytes address;
  if (inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1)
    address.bits = 32;
  else if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1)
    address.bits = 128;
  else
    return std::nullopt;
  return address;
}

bool is_zero_beyond(const address_bytes& address, std::uint64_t prefix) {
  for (auto bit = prefix; bit < address.bits; ++bit)
    if ((address.bytes[bit / 8] >> (7 - bit % 8)) & 1U)
      return false;
  return true;
}

} // namespace

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (text.empty() || problem != std::errc{} || stop != end || value > largest)
    return std::nullopt;
  return value;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto value = parse_with_unit(text, duration_units);
  if (!value)
    return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*value)};
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  return parse_with_unit(text, size_units);
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "true")
    return true;
  if (text == "false")
    return false;
  return std::nullopt;
}

std::optional<std::vector<std::string>> parse_list(std::string_view text) {
  text = trim(text);
  // "[::1]:8080" begins with a bracket, too, but doesn't end with one.
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    text = trim(text.substr(1, text.size() - 2));
  std::vector<std::string> items;
  if (text.empty())
    return items;
  for (;;) {
    const auto comma = text.find(',');
    auto item = trim(text.substr(0, comma));
    if (item.size() >= 2 && item.front() == '"' && item.back() == '"')
      item = item.substr(1, item.size() - 2);
    if (item.empty() || item.find_first_of("\"\\") != std::string_view::npos)
      return std::nullopt;
    items.emplace_back(item);
    if (comma == std::string_view::npos)
      return items;
    text.remove_prefix(comma + 1);
  }
}

std::optional<window_setting> parse_window(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos)
    return std::nullopt;
  const auto count = parse_count(text.substr(0, slash));
  const auto length = parse_duration(text.substr(slash + 1));
  if (!count || *count == 0 || *count > std::numeric_limits<std::uint32_t>::max())
    return std::nullopt;
  if (!length || length->count() == 0 || length->count() % 1'000 != 0)
    return std::nullopt;
  return window_setting{static_cast<std::uint32_t>(*count), std::chrono::seconds{length->count() / 1'000}};
}

bool is_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return false;
  const auto port = parse_count(text.substr(colon + 1));
  if (!port || *port > 65'535)
    return false;
  auto host = text.substr(0, colon);
  const bool in_brackets = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (in_brackets)
    host = host.substr(1, host.size() - 2);
  const auto address = parse_address(host);
  return address && address->bits == (in_brackets ? 128 : 32);
}

namespace {

/// A name as DNS writes it, or an address; brackets only and always around IPv6.
std::optional<std::pair<std::string, std::uint16_t>> split_host_and_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  const auto port = parse_count(text.substr(colon + 1));
  if (!port || *port == 0 || *port > 65'535)
    return std::nullopt;
  const auto number = static_cast<std::uint16_t>(*port);
  if (is_listen_address(text)) {
    auto host = text.substr(0, colon);
    if (host.front() == '[')
      host = host.substr(1, host.size() - 2);
    return std::pair{std::string{host}, number};
  }
  constexpr std::size_t longest_name = 253; // RFC 1035
  const auto host = text.substr(0, colon);
  const bool name = !host.empty() && host.size() <= longest_name && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  });
  // What ends in a number would have to be an address, and is none.
  const auto last_label = host.substr(host.find_last_of('.') + 1);
  if (!name || last_label.empty() || parse_count(last_label))
    return std::nullopt;
  return std::pair{std::string{host}, number};
}

} // namespace

bool is_host_and_port(std::string_view text) {
  return split_host_and_port(text).has_value();
}

std::optional<http_endpoint> parse_endpoint(std::string_view text) {
  const bool tls = text.starts_with("https://");
  if (!tls && !text.starts_with("http://"))
    return std::nullopt;
  text.remove_prefix(tls ? 8 : 7);
  if (text.ends_with('/'))
    text.remove_suffix(1);
  auto parts = split_host_and_port(text);
  if (!parts)
    return std::nullopt;
  return http_endpoint{tls, std::move(parts->first), parts->second};
}

bool is_cluster_name(std::string_view text) {
  return !text.empty() && text.size() <= defaults::cluster_longest_name && text.front() != '-' &&
         std::ranges::all_of(
             text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

bool is_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address || slash == std::string_view::npos)
    return address.has_value();
  const auto prefix = parse_count(text.substr(slash + 1));
  return prefix && *prefix <= address->bits && is_zero_beyond(*address, *prefix);
}

std::string format_duration(std::chrono::milliseconds value) {
  return format_with_unit(static_cast<std::uint64_t>(value.count()), duration_units, 1);
}

std::string format_size(std::uint64_t bytes) {
  return format_with_unit(bytes, size_units, 0);
}

std::string format_window(const window_setting& window) {
  return std::to_string(window.count) + "/" + std::to_string(window.length.count()) + "s";
}

} // namespace carillon::config
