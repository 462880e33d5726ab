#include "domain/public_id.hpp"

#include "crypto/base64.hpp"
#include "crypto/hash.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace carillon::domain {

namespace {

constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view notification_prefix = "ntf_";
constexpr std::string_view webhook_prefix = "msg_";
constexpr std::string_view event_prefix = "evt_";

/// The first byte of every cursor: its form, and what it belongs to.
constexpr char feed_version = 'f';
constexpr char list_version = 'l';
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t longest_position = 512;
constexpr std::size_t longest_cursor = 1'024;

void append_base36(std::string& out, std::uint64_t value) {
  std::array<char, 13> buffer{};
  std::size_t at = buffer.size();
  do {
    buffer[--at] = digits[value % 36];
    value /= 36;
  } while (value != 0);
  out.append(buffer.data() + at, buffer.size() - at);
}

std::string write(std::string_view prefix, const numbered& n) {
  std::string out{prefix};
  append_base36(out, n.generation);
  out += '_';
  append_base36(out, raw(n.account));
  out += '_';
  append_base36(out, n.number);
  return out;
}

/// Takes one number in its canonical form, up to "_" or the end, from the front of `text`.
std::optional<std::uint64_t> take_base36(std::string_view& text) {
  const auto token = text.substr(0, text.find('_'));
  if (token.empty() || token.size() > 13 || (token.size() > 1 && token.front() == '0'))
    return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : token) {
    const auto digit = digits.find(c);
    if (digit == std::string_view::npos || value > (std::numeric_limits<std::uint64_t>::max() - digit) / 36)
      return std::nullopt;
    value = value * 36 + digit;
  }
  text.remove_prefix(token.size());
  return value;
}

bool take_separator(std::string_view& text) {
  if (!text.starts_with('_'))
    return false;
  text.remove_prefix(1);
  return true;
}

std::optional<numbered> read(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix))
    return std::nullopt;
  text.remove_prefix(prefix.size());
  const auto generation = take_base36(text);
  if (!generation || *generation > std::numeric_limits<std::uint32_t>::max() || !take_separator(text))
    return std::nullopt;
  const auto account = take_base36(text);
  if (!account || !take_separator(text))
    return std::nullopt;
  const auto number = take_base36(text);
  if (!number || !text.empty())
    return std::nullopt;
  return numbered{static_cast<std::uint32_t>(*generation), account_id{*account}, *number};
}

void append_big_endian(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = bytes; i-- > 0;)
    out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes)
    value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

/// Adds a checksum, so that a damaged cursor is told from a good one, and writes URL-safe base64.
std::string seal(std::string bytes) {
  append_big_endian(bytes, crypto::crc32c(bytes), checksum_bytes);
  auto text = crypto::base64_encode(bytes);
  while (text.ends_with('='))
    text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::optional<std::string> unseal(std::string_view sealed) {
  if (sealed.empty() || sealed.size() > longest_cursor ||
      sealed.find_first_of("+/=") != std::string_view::npos)
    return std::nullopt;
  std::string text{sealed};
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  auto bytes = crypto::base64_decode(text);
  if (!bytes || bytes->size() <= checksum_bytes)
    return std::nullopt;
  const std::string_view all{*bytes};
  const auto body = all.substr(0, all.size() - checksum_bytes);
  if (big_endian(all.substr(body.size())) != crypto::crc32c(body))
    return std::nullopt;
  bytes->resize(body.size());
  return bytes;
}

} // namespace

std::string notification_public_id(const numbered& n) {
  return write(notification_prefix, n);
}
std::string webhook_public_id(const numbered& n) {
  return write(webhook_prefix, n);
}
std::string event_public_id(const numbered& n) {
  return write(event_prefix, n);
}

std::optional<numbered> parse_notification_public_id(std::string_view text) {
  return read(notification_prefix, text);
}
std::optional<numbered> parse_webhook_public_id(std::string_view text) {
  return read(webhook_prefix, text);
}
std::optional<numbered> parse_event_public_id(std::string_view text) {
  return read(event_prefix, text);
}

std::string feed_cursor(const numbered& last) {
  std::string bytes{feed_version};
  append_big_endian(bytes, last.generation, 4);
  append_big_endian(bytes, raw(last.account), 8);
  append_big_endian(bytes, last.number, 8);
  return seal(std::move(bytes));
}

std::optional<numbered> parse_feed_cursor(std::string_view text) {
  const auto bytes = unseal(text);
  if (!bytes || bytes->size() != 21 || bytes->front() != feed_version)
    return std::nullopt;
  const std::string_view body{*bytes};
  return numbered{static_cast<std::uint32_t>(big_endian(body.substr(1, 4))),
                  account_id{big_endian(body.substr(5, 8))}, big_endian(body.substr(13))};
}

std::string list_cursor(std::string_view list, std::string_view position) {
  std::string bytes{list_version};
  append_big_endian(bytes, crypto::crc32c(list), 4);
  bytes += position.substr(0, longest_position);
  return seal(std::move(bytes));
}

std::optional<std::string> parse_list_cursor(std::string_view list, std::string_view text) {
  auto bytes = unseal(text);
  if (!bytes || bytes->size() < 5 || bytes->front() != list_version ||
      big_endian(std::string_view{*bytes}.substr(1, 4)) != crypto::crc32c(list))
    return std::nullopt;
  return bytes->substr(5);
}

} // namespace carillon::domain
