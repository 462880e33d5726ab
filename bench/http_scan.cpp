#include "bench/http_scan.hpp"

#include <charconv>
#include <stdexcept>
#include <string>

namespace carillon::bench {

namespace {

constexpr std::size_t largest_head = 64 << 10;

bool same_name(std::string_view name, std::string_view lower_name) {
  if (name.size() != lower_name.size())
    return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != lower_name[i])
      return false;
  }
  return true;
}

} // namespace

std::string_view field_of(std::string_view fields, std::string_view lower_name) {
  while (!fields.empty()) {
    const auto end = fields.find("\r\n");
    const auto line = fields.substr(0, end);
    // The colon's place decides most lines without a comparison.
    if (line.size() > lower_name.size() && line[lower_name.size()] == ':' &&
        same_name(line.substr(0, lower_name.size()), lower_name)) {
      auto value = line.substr(lower_name.size() + 1);
      while (!value.empty() && value.front() == ' ')
        value.remove_prefix(1);
      return value;
    }
    if (end == std::string_view::npos)
      break;
    fields.remove_prefix(end + 2);
  }
  return {};
}

std::optional<scanned_message> scan_message(std::string_view buffer) {
  const auto end = buffer.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (buffer.size() > largest_head)
      throw std::runtime_error("a peer sent a head of over " + std::to_string(largest_head) + " bytes");
    return std::nullopt;
  }
  const auto head = buffer.substr(0, end + 2);
  const auto line_end = head.find("\r\n");
  scanned_message found;
  found.first_line = head.substr(0, line_end);
  found.fields = head.substr(line_end + 2);
  if (!field_of(found.fields, "transfer-encoding").empty())
    throw std::runtime_error("a peer sent a Transfer-Encoding, which the benchmark doesn't read");
  std::size_t length = 0;
  if (const auto text = field_of(found.fields, "content-length"); !text.empty())
    if (std::from_chars(text.data(), text.data() + text.size(), length).ec != std::errc{})
      throw std::runtime_error("a peer sent a malformed Content-Length");
  found.size = end + 4 + length;
  if (buffer.size() < found.size)
    return std::nullopt;
  found.body = buffer.substr(end + 4, length);
  return found;
}

int status_of(const scanned_message& response) {
  constexpr std::string_view version = "HTTP/1.1 ";
  int status = 0;
  if (response.first_line.starts_with(version)) {
    const auto text = response.first_line.substr(version.size(), 3);
    std::from_chars(text.data(), text.data() + text.size(), status);
  }
  return status;
}

std::string_view target_of(const scanned_message& request) {
  const auto first = request.first_line.find(' ');
  const auto last = request.first_line.rfind(' ');
  if (first == std::string_view::npos || last <= first)
    return {};
  return request.first_line.substr(first + 1, last - first - 1);
}

} // namespace carillon::bench
