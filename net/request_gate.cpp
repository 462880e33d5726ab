#include "net/request_gate.hpp"

#include <array>
#include <cstring>
#include <optional>

namespace carillon::net {

namespace {

using refused = std::optional<gate_refusal>;

/// Room for the fields that clients send; browsers send more.
constexpr std::size_t usual_fields = 8;

gate_refusal bad(std::string detail) {
  return {400, std::move(detail)};
}

// RFC 9110, section 5.6.2: tchar.
constexpr auto token_table = [] {
  std::array<bool, 256> table{};
  for (char c = '0'; c <= '9'; ++c)
    table[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c)
    table[static_cast<unsigned char>(c)] = table[static_cast<unsigned char>(c + 32)] = true;
  for (char c : std::string_view{"!#$%&'*+-.^_`|~"})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_token(std::string_view text) noexcept {
  for (char c : text)
    if (!token_table[static_cast<unsigned char>(c)])
      return false;
  return !text.empty();
}

bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool same_name(std::string_view text, std::string_view lower_name) noexcept {
  if (text.size() != lower_name.size())
    return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != lower_name[i])
      return false;
  }
  return true;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

/// Whether `text` is UTF-8 without overlong forms and surrogates (Unicode, table 3-7).
bool is_utf8(std::string_view text) noexcept {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80)
      continue;
    std::size_t more = 0;
    unsigned char low = 0x80, high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf)
      more = 1;
    else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2;
      low = lead == 0xe0 ? 0xa0 : low;
      high = lead == 0xed ? 0x9f : high;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3;
      low = lead == 0xf0 ? 0x90 : low;
      high = lead == 0xf4 ? 0x8f : high;
    } else
      return false;
    for (; more > 0; --more, ++i) {
      if (i == text.size())
        return false;
      const auto next = static_cast<unsigned char>(text[i]);
      if (next < low || next > high)
        return false;
      low = 0x80;
      high = 0xbf;
    }
  }
  return true;
}

enum class target_part : std::uint8_t { path, query };

/// Percent-decodes into `out`. What decodes to a control character is refused: nothing behind the gate should
/// have to expect a NUL or a line break in a path. So is an encoded slash, which proxies read in two ways.
refused decode(std::string_view text, target_part part, std::string& out) {
  out.clear();
  out.reserve(text.size());
  bool plain = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return bad("the target holds a '%' that isn't followed by two "
                   "hexadecimal digits");
      c = static_cast<char>(high * 16 + low);
      if (is_control(c))
        return bad("the target holds an encoded control character");
      if (part == target_part::path && c == '/')
        return bad("the path holds an encoded slash");
      plain = plain && static_cast<unsigned char>(c) < 0x80;
      i += 2;
    } else if (c == '+' && part == target_part::query)
      c = ' ';
    out.push_back(c);
  }
  if (!plain && !is_utf8(out))
    return bad("the target isn't UTF-8");
  return std::nullopt;
}

refused decode_query(std::string_view text, std::vector<std::pair<std::string, std::string>>& out) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty())
      continue;
    const auto equals = pair.find('=');
    std::string name, value;
    if (auto no = decode(pair.substr(0, equals), target_part::query, name))
      return no;
    if (equals != std::string_view::npos)
      if (auto no = decode(pair.substr(equals + 1), target_part::query, value))
        return no;
    out.emplace_back(std::move(name), std::move(value));
  }
  return std::nullopt;
}

/// Host and authority: a name, an IPv4 address or a bracketed IPv6 address, and perhaps a port.
bool is_authority(std::string_view text) noexcept {
  for (char c : text) {
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter_or_digit && std::string_view{"-._~:[]%"}.find(c) == std::string_view::npos)
      return false;
  }
  return true;
}

refused judge_target(std::string_view target, gate_pass& pass) {
  for (char c : target)
    if (is_control(c) || static_cast<unsigned char>(c) >= 0x80)
      return bad("the target holds a character that must be percent-encoded");
  if (target.find('#') != std::string_view::npos)
    return bad("the target holds a fragment");
  if (!target.starts_with('/')) {
    // RFC 9112, section 3.2.2: a server must accept the absolute form, whose authority then replaces Host.
    const auto scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos)
      return bad("the target must be a path that begins with '/', or an "
                 "absolute http(s) URL");
    const auto scheme = target.substr(0, scheme_end);
    if (!same_name(scheme, "http") && !same_name(scheme, "https"))
      return bad("the target's scheme must be http or https");
    target.remove_prefix(scheme_end + 3);
    const auto authority = target.substr(0, target.find_first_of("/?"));
    if (authority.empty() || !is_authority(authority))
      return bad("the target's authority is not a host with an optional port");
    pass.authority = authority;
    target.remove_prefix(authority.size());
  }
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  if (path.empty())
    pass.path = "/";
  else if (auto no = decode(path, target_part::path, pass.path))
    return no;
  if (question != std::string_view::npos)
    return decode_query(target.substr(question + 1), pass.query);
  return std::nullopt;
}

refused judge_request_line(std::string_view line, gate_pass& pass) {
  const auto method_end = line.find(' ');
  if (method_end == std::string_view::npos)
    return bad("the request line must be: method, target, version, with one "
               "space between them");
  const auto method = line.substr(0, method_end);
  if (!is_token(method))
    return bad("the method isn't a token");
  for (char c : method)
    if (c >= 'a' && c <= 'z')
      return bad("methods are case-sensitive; the known ones are upper case");
  pass.method = method;
  line.remove_prefix(method_end + 1);
  const auto target_end = line.find(' ');
  if (target_end == std::string_view::npos || target_end == 0)
    return bad("the request line must be: method, target, version, with one "
               "space between them");
  const auto target = line.substr(0, target_end);
  const auto version = line.substr(target_end + 1);
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[5] < '0' || version[5] > '9' ||
      version[6] != '.' || version[7] < '0' || version[7] > '9')
    return bad("the request line doesn't end with an HTTP version");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return gate_refusal{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  pass.is_http_1_0 = version[7] == '0';
  return judge_target(target, pass);
}

/// What the fields said that decides where the request ends; each may be there once.
struct framing_fields {
  bool close = false, persist = false; // what Connection says
  bool host = false;
  bool length = false;
  bool transfer_encoding = false;
};

refused judge_length(std::string_view value, gate_pass& pass) {
  // 18 digits stay below 2^63, and no body comes near.
  if (value.empty() || value.size() > 18)
    return bad("Content-Length must be one number");
  std::uint64_t length = 0;
  for (char c : value) {
    if (c < '0' || c > '9')
      return bad("Content-Length must be one number");
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  pass.framing = body_framing::length;
  pass.content_length = length;
  return std::nullopt;
}

refused judge_field(std::string_view name, std::string_view value, framing_fields& seen, gate_pass& pass) {
  if (same_name(name, "host")) {
    if (std::exchange(seen.host, true))
      return bad("there is more than one Host");
    if (!is_authority(value))
      return bad("Host is not a host with an optional port");
  } else if (same_name(name, "content-length")) {
    if (std::exchange(seen.length, true))
      return bad("there is more than one Content-Length");
    return judge_length(value, pass);
  } else if (same_name(name, "transfer-encoding")) {
    if (std::exchange(seen.transfer_encoding, true))
      return bad("there is more than one Transfer-Encoding");
    if (value != "chunked")
      return bad("the only Transfer-Encoding understood is exactly: chunked");
    pass.framing = body_framing::chunked;
  } else if (same_name(name, "expect")) {
    if (!same_name(value, "100-continue"))
      return gate_refusal{417, "the only expectation understood is: 100-continue"};
    pass.expects_continue = true;
  } else if (same_name(name, "connection")) {
    for (std::string_view rest{value};;) {
      const auto comma = rest.find(',');
      const auto option = trim(rest.substr(0, comma));
      seen.close = seen.close || same_name(option, "close");
      seen.persist = seen.persist || same_name(option, "keep-alive");
      if (comma == std::string_view::npos)
        break;
      rest.remove_prefix(comma + 1);
    }
  }
  return std::nullopt;
}

refused judge_fields(std::string_view lines, gate_pass& pass) {
  framing_fields seen;
  pass.fields.reserve(usual_fields);
  std::size_t count = 0;
  while (!lines.empty()) {
    const auto end = lines.find("\r\n");
    const auto line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    if (line.empty())
      break;
    if (line.front() == ' ' || line.front() == '\t')
      return bad("a header field is folded over several lines");
    if (++count > max_header_fields)
      return gate_refusal{431, "there are more than " + std::to_string(max_header_fields) + " header fields"};
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_token(name))
      return bad("a header field's name isn't a token that a colon follows");
    const auto value = trim(line.substr(colon + 1));
    for (char c : value)
      if (is_control(c) && c != '\t')
        return bad("a header field's value holds a control character");
    if (auto no = judge_field(name, value, seen, pass))
      return no;
    pass.fields.emplace_back(name, value);
  }
  if (seen.length && seen.transfer_encoding)
    return bad("Content-Length and Transfer-Encoding exclude each other");
  if (pass.is_http_1_0 && seen.transfer_encoding)
    return bad("HTTP/1.0 has no Transfer-Encoding");
  if (!pass.is_http_1_0 && !seen.host)
    return bad("HTTP/1.1 needs a Host");
  // RFC 9112, section 9.3: 1.1 persists unless told otherwise, 1.0 only when asked to.
  pass.keep_alive = !seen.close && (!pass.is_http_1_0 || seen.persist);
  // RFC 9110, section 10.1.1: the expectation of an HTTP/1.0 client is ignored.
  pass.expects_continue = pass.expects_continue && !pass.is_http_1_0;
  return std::nullopt;
}

} // namespace

head_scan scan_head(std::string_view bytes, std::size_t resume) noexcept {
  head_scan scan;
  const auto malformed = [&scan](const char* why) {
    scan.result = head_scan::state::malformed;
    scan.why = why;
    return scan;
  };
  if (!bytes.empty() && !token_table[static_cast<unsigned char>(bytes.front())])
    return malformed("this isn't an HTTP request");
  auto at = resume;
  while (at < bytes.size()) {
    const auto* found = static_cast<const char*>(std::memchr(bytes.data() + at, '\n', bytes.size() - at));
    if (found == nullptr)
      break;
    const auto feed = static_cast<std::size_t>(found - bytes.data());
    if (feed == 0 || bytes[feed - 1] != '\r')
      return malformed("lines must end with CR LF");
    if (feed >= 3 && bytes[feed - 2] == '\n') {
      scan.result = head_scan::state::complete;
      scan.size = feed + 1;
      return scan;
    }
    at = feed + 1;
  }
  scan.resume = bytes.size();
  return scan;
}

std::variant<gate_pass, gate_refusal> judge_head(std::string_view head) {
  if (!head.ends_with("\r\n\r\n"))
    return bad("the head doesn't end with an empty line");
  // A bare CR, LF or NUL is none of the characters that a token, a target, a version or a value may hold.
  const auto line_end = head.find("\r\n");
  gate_pass pass;
  if (auto no = judge_request_line(head.substr(0, line_end), pass))
    return std::move(*no);
  if (auto no = judge_fields(head.substr(line_end + 2), pass))
    return std::move(*no);
  return pass;
}

} // namespace carillon::net
