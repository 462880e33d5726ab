#include "net/http_answer.hpp"

#include <boost/beast/http/status.hpp>

#include <array>
#include <charconv>
#include <ctime>
#include <ostream>

namespace carillon::net {

namespace {

namespace http = boost::beast::http;

void append_number(std::string& out, std::size_t number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

/// The fields that the server writes itself. Content-Type is here because the response names it apart.
constexpr std::array<std::string_view, 9> servers_own{"connection", "content-length", "content-type",
                                                      "date",       "keep-alive",     "server",
                                                      "trailer",    "x-request-id",   "transfer-encoding"};

bool is_servers_own(std::string_view name) noexcept {
  for (const auto own : servers_own) {
    if (own.size() != name.size())
      continue;
    std::size_t i = 0;
    // Folding with 0x20 is exact here: names are tokens, and none of these holds a '@'-range symbol.
    while (i < own.size() && (name[i] | 0x20) == own[i])
      ++i;
    if (i == own.size())
      return true;
  }
  return false;
}

bool is_clean(std::string_view text) noexcept {
  for (char c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
      return false;
  return true;
}

std::string_view reason(int status) {
  const auto text = http::obsolete_reason(static_cast<http::status>(status));
  return {text.data(), text.size()};
}

} // namespace

void append_answer_head(std::string& out, const http_response& response, std::string_view request_id,
                        std::string_view date, connection_option option) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(response.status));
  out += ' ';
  out += reason(response.status);
  out += "\r\nServer: Carillon\r\nDate: ";
  out += date;
  out += "\r\nX-Request-Id: ";
  out += request_id;
  if (option == connection_option::close)
    out += "\r\nConnection: close";
  else if (option == connection_option::persist_http_1_0)
    out += "\r\nConnection: keep-alive";
  if (status_allows_body(response.status)) {
    out += "\r\nContent-Length: ";
    append_number(out, response.body.size());
    if (!response.content_type.empty() && is_clean(response.content_type)) {
      out += "\r\nContent-Type: ";
      out += response.content_type;
    }
  }
  for (const auto& [name, value] : response.fields) {
    if (name.empty() || name.find_first_of(" \t:") != std::string_view::npos || !is_clean(name) ||
        !is_clean(value) || is_servers_own(name))
      continue;
    out += "\r\n";
    out += name;
    out += ": ";
    out += value;
  }
  out += "\r\n\r\n";
}

std::string_view http_date::now() {
  const std::time_t second = std::time(nullptr);
  if (second != second_) {
    second_ = second;
    std::tm parts{};
    gmtime_r(&second, &parts);
    static constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::array<char, 40> digits;
    // Not strftime's %a and %b: they'd follow the process's locale.
    text_ = days[static_cast<std::size_t>(parts.tm_wday)];
    std::strftime(digits.data(), digits.size(), ", %d ", &parts);
    text_ += digits.data();
    text_ += months[static_cast<std::size_t>(parts.tm_mon)];
    std::strftime(digits.data(), digits.size(), " %Y %H:%M:%S GMT", &parts);
    text_ += digits.data();
  }
  return text_;
}

} // namespace carillon::net
