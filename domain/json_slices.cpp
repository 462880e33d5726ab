#include "domain/json_slices.hpp"

#include "domain/decimal.hpp"
#include "domain/json_scan.hpp"

#include <algorithm>
#include <vector>

namespace carillon::domain {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

const char* skip_space(const char* p, const char* end) {
  while (p != end && is_space(*p))
    ++p;
  return p;
}

/// Behind the closing quote of the string whose opening quote is at `p`, or `end`.
const char* skip_string(const char* p, const char* end) {
  ++p;
  for (;;) {
    p = json_scan::string_special(p, end);
    if (p == end)
      return end;
    if (*p == '"')
      return p + 1;
    p += end - p >= 2 ? 2 : 1; // a backslash and what it escapes
  }
}

/// Behind the value at `p`, or `end`.
const char* skip_value(const char* p, const char* end) {
  if (p == end)
    return end;
  if (*p == '"')
    return skip_string(p, end);
  if (*p != '{' && *p != '[') {
    while (p != end && *p != ',' && *p != '}' && *p != ']' && !is_space(*p))
      ++p;
    return p;
  }
  std::size_t open = 0;
  while (p != end) {
    switch (*p) {
    case '"':
      p = skip_string(p, end);
      continue;
    case '{':
    case '[':
      ++open;
      break;
    case '}':
    case ']':
      if (--open == 0)
        return p + 1;
      break;
    default:
      break;
    }
    ++p;
  }
  return end;
}

std::string_view between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

unsigned hex4(const char* p) {
  unsigned result = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    result = result << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return result & 0xFFFF;
}

void append_utf8(std::string& out, unsigned code) {
  const auto put = [&out](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80)
    put(code);
  else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

} // namespace

json_type type_of(std::string_view value) {
  if (value.empty())
    return json_type::none;
  switch (value.front()) {
  case '{':
    return json_type::object;
  case '[':
    return json_type::array;
  case '"':
    return json_type::string;
  case 't':
  case 'f':
    return json_type::boolean;
  case 'n':
    return json_type::null;
  default:
    return json_type::number;
  }
}

std::string_view describe(json_type type) {
  constexpr std::string_view names[] = {"nothing",  "an object", "an array", "a string",
                                        "a number", "a boolean", "null"};
  return names[static_cast<std::size_t>(type)];
}

bool json_member::is(std::string_view wanted) const {
  if (key.find('\\') == std::string_view::npos)
    return key == wanted;
  return unescape_json(key) == wanted;
}

std::string json_member::name() const {
  return unescape_json(key);
}

object_reader::object_reader(std::string_view object) : p_(nullptr), end_(nullptr) {
  if (type_of(object) == json_type::object) {
    p_ = object.data() + 1;
    end_ = object.data() + object.size();
  }
}

bool object_reader::next(json_member& member) {
  p_ = skip_space(p_, end_);
  if (p_ != end_ && *p_ == ',')
    p_ = skip_space(p_ + 1, end_);
  if (p_ == end_ || *p_ != '"') {
    p_ = end_;
    return false;
  }
  const char* key = p_ + 1;
  p_ = skip_string(p_, end_);
  member.key = p_ - key > 0 ? between(key, p_ - 1) : std::string_view{};
  p_ = skip_space(p_, end_);
  if (p_ != end_ && *p_ == ':')
    p_ = skip_space(p_ + 1, end_);
  const char* value = p_;
  p_ = skip_value(p_, end_);
  member.value = between(value, p_);
  return true;
}

array_reader::array_reader(std::string_view array) : p_(nullptr), end_(nullptr) {
  if (type_of(array) == json_type::array) {
    p_ = array.data() + 1;
    end_ = array.data() + array.size();
  }
}

bool array_reader::next(std::string_view& element) {
  p_ = skip_space(p_, end_);
  if (p_ != end_ && *p_ == ',')
    p_ = skip_space(p_ + 1, end_);
  if (p_ == end_ || *p_ == ']') {
    p_ = end_;
    return false;
  }
  const char* from = p_;
  p_ = skip_value(p_, end_);
  if (p_ == from) { // only damaged text has no value here
    p_ = end_;
    return false;
  }
  element = between(from, p_);
  return true;
}

leaf_reader::leaf_reader(std::string_view array) : p_(nullptr), end_(nullptr) {
  if (type_of(array) == json_type::array) {
    p_ = array.data();
    end_ = array.data() + array.size();
  }
}

bool leaf_reader::next(std::string_view& element) {
  while (p_ != end_ && (*p_ == '[' || *p_ == ']' || *p_ == ',' || is_space(*p_)))
    ++p_;
  const char* from = p_;
  p_ = skip_value(p_, end_);
  if (p_ == from) { // the end; or damaged text, which has no value here
    p_ = end_;
    return false;
  }
  element = between(from, p_);
  return true;
}

std::string_view find_member(std::string_view object, std::string_view name) {
  object_reader reader{object};
  json_member member;
  while (reader.next(member))
    if (member.is(name))
      return member.value;
  return {};
}

std::string_view trim_json(std::string_view text) {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

std::string unescape_json(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos)
    return std::string{raw};
  std::string out;
  out.reserve(raw.size());
  const char* p = raw.data();
  const char* end = p + raw.size();
  while (p != end) {
    const char* stop = p;
    while (stop != end && *stop != '\\')
      ++stop;
    out.append(p, stop);
    p = stop;
    if (end - p < 2)
      break;
    ++p;
    switch (*p++) {
    case 'b':
      out += '\b';
      break;
    case 'f':
      out += '\f';
      break;
    case 'n':
      out += '\n';
      break;
    case 'r':
      out += '\r';
      break;
    case 't':
      out += '\t';
      break;
    case 'u': {
      if (end - p < 4)
        return out;
      unsigned code = hex4(p);
      p += 4;
      if (code >= 0xD800 && code < 0xDC00 && end - p >= 6) {
        code = 0x10000 + ((code - 0xD800) << 10 | ((hex4(p + 2) - 0xDC00) & 0x3FF));
        p += 6;
      }
      append_utf8(out, code);
      break;
    }
    default:
      out += p[-1];
    }
  }
  return out;
}

std::string string_value(std::string_view value) {
  if (value.size() < 2)
    return {};
  return unescape_json(value.substr(1, value.size() - 2));
}

bool string_is(std::string_view value, std::string_view text) {
  if (type_of(value) != json_type::string || value.size() < 2)
    return false;
  return json_member{value.substr(1, value.size() - 2), {}}.is(text);
}

std::vector<named_value> sorted_members(std::string_view object) {
  std::vector<named_value> result;
  json_member member;
  for (object_reader reader{object}; reader.next(member);)
    result.push_back({member.name(), member.value});
  std::sort(result.begin(), result.end(),
            [](const named_value& a, const named_value& b) { return a.name < b.name; });
  return result;
}

namespace {

bool same_members(std::string_view a, std::string_view b) {
  const auto left = sorted_members(a);
  const auto right = sorted_members(b);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const named_value& x, const named_value& y) {
                      return x.name == y.name && same_json(x.value, y.value);
                    });
}

} // namespace

bool same_json(std::string_view a, std::string_view b) {
  if (a == b)
    return true;
  const auto type = type_of(a);
  if (type != type_of(b))
    return false;
  switch (type) {
  case json_type::string:
    return string_value(a) == string_value(b);
  case json_type::number:
    return decimal{a} == decimal{b};
  case json_type::array: {
    array_reader left{a}, right{b};
    std::string_view x, y;
    for (;;) {
      const bool more = left.next(x);
      if (more != right.next(y))
        return false;
      if (!more)
        return true;
      if (!same_json(x, y))
        return false;
    }
  }
  case json_type::object:
    return same_members(a, b);
  default:
    return false; // true and false, or nothing at all
  }
}

} // namespace carillon::domain
