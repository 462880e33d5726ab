#include "domain/json_gate.hpp"

#include "domain/json_scan.hpp"
#include "domain/json_slices.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace carillon::domain {

namespace {

/// Recursion follows nesting, so the deepest is bounded whatever the caller's limits say.
constexpr std::size_t deepest = 64;
/// Up to so many members a new key is compared with all before it; beyond, keys are sorted at the object's
/// end.
constexpr std::size_t compared_at_once = 24;

struct key_entry {
  std::uint64_t hash;
  std::string_view raw; ///< between the quotes
  bool escaped;         ///< whether `raw` holds a backslash
};

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t h = 0x9E3779B97F4A7C15ULL ^ text.size();
  const char* p = text.data();
  std::size_t left = text.size();
  for (; left >= 8; left -= 8, p += 8)
    h = (h ^ json_scan::load(p)) * 0xFF51AFD7ED558CCDULL;
  h = (h ^ json_scan::load_few(p, left)) * 0xC4CEB9FE1A85EC53ULL;
  return h ^ (h >> 29);
}

std::string plain(const key_entry& key) {
  return key.escaped ? unescape_json(key.raw) : std::string{key.raw};
}

bool same_key(const key_entry& a, const key_entry& b) {
  if (a.hash != b.hash)
    return false;
  return !a.escaped && !b.escaped ? a.raw == b.raw : plain(a) == plain(b);
}

class gate {
public:
  gate(std::string_view text, const json_limits& limits, json_outline* outline)
      : begin_(text.data()), p_(text.data()), end_(text.data() + text.size()), limits_(limits),
        outline_(outline), outline_depth_(outline != nullptr ? outline->depth() : 0),
        depth_limit_(std::min(limits.depth, deepest)) {}

  std::optional<json_fault> run() {
    skip_space();
    if (p_ == end_)
      fail("the text is empty: a JSON value is missing");
    else if (value(0)) {
      skip_space();
      if (p_ != end_)
        fail("something follows the JSON value");
    }
    if (!fault_)
      return std::nullopt;
    fault_->pointer = "#";
    for (auto token = tokens_.rbegin(); token != tokens_.rend(); ++token)
      fault_->pointer += *token;
    return std::move(fault_);
  }

private:
  bool fail(std::string detail) {
    fault_ = json_fault{static_cast<std::size_t>(p_ - begin_), {}, std::move(detail)};
    return false;
  }

  void skip_space() {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t'))
      ++p_;
  }

  bool value(std::size_t depth) {
    if (++values_ > limits_.values)
      return fail("there are more than " + std::to_string(limits_.values) + " values");
    if (p_ == end_)
      return fail("the text ends where a value is expected");
    switch (*p_) {
    case '{':
      return depth < depth_limit_ ? object(depth) : too_deep();
    case '[':
      return depth < depth_limit_ ? array(depth) : too_deep();
    case '"':
      return string(limits_.string_bytes, "a string");
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      return number();
    }
  }

  bool too_deep() {
    return fail("objects and arrays are nested deeper than " + std::to_string(depth_limit_));
  }

  bool literal(std::string_view word) {
    if (static_cast<std::size_t>(end_ - p_) < word.size() || std::string_view{p_, word.size()} != word)
      return fail("this is no JSON value");
    p_ += word.size();
    return true;
  }

  bool digits() {
    const char* from = p_;
    while (p_ != end_ && *p_ >= '0' && *p_ <= '9')
      ++p_;
    return p_ != from;
  }

  bool number() {
    const char* from = p_;
    if (*p_ == '-')
      ++p_;
    if (p_ != end_ && *p_ == '0') {
      ++p_;
      if (p_ != end_ && *p_ >= '0' && *p_ <= '9')
        return fail("a number may not begin with 0");
    } else if (!digits())
      return fail(from == p_ ? "this is no JSON value" : "a number has no digits");
    if (p_ != end_ && *p_ == '.') {
      ++p_;
      if (!digits())
        return fail("digits are missing after the decimal point");
    }
    if (p_ != end_ && (*p_ == 'e' || *p_ == 'E')) {
      ++p_;
      if (p_ != end_ && (*p_ == '+' || *p_ == '-'))
        ++p_;
      if (!digits())
        return fail("digits are missing in the exponent");
    }
    if (static_cast<std::size_t>(p_ - from) > limits_.number_bytes)
      return fail("a number is longer than " + std::to_string(limits_.number_bytes) + " characters");
    return true;
  }

  /// Four hexadecimal digits at `p_`, or -1.
  int hex4() {
    if (end_ - p_ < 4)
      return -1;
    int result = 0;
    for (int i = 0; i < 4; ++i, ++p_) {
      const char c = *p_;
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0)
        return -1;
      result = result << 4 | digit;
    }
    return result;
  }

  bool escape() {
    ++p_; // the backslash
    if (p_ == end_)
      return fail("a string does not end");
    if (*p_ != 'u') {
      if (std::string_view{"\"\\/bfnrt"}.find(*p_) == std::string_view::npos)
        return fail("an escape sequence is unknown");
      ++p_;
      return true;
    }
    ++p_;
    const int unit = hex4();
    if (unit < 0)
      return fail("\\u needs four hexadecimal digits");
    if (unit < 0xD800 || unit > 0xDFFF)
      return true;
    if (unit >= 0xDC00 || end_ - p_ < 2 || p_[0] != '\\' || p_[1] != 'u')
      return fail("a surrogate stands alone");
    p_ += 2;
    const int low = hex4();
    if (low < 0xDC00 || low > 0xDFFF)
      return fail("a surrogate stands alone");
    return true;
  }

  /// One character past ASCII, per the table of well-formed sequences in the Unicode standard (3.9).
  bool utf8() {
    const auto at = [this](std::ptrdiff_t i) { return static_cast<unsigned char>(p_[i]); };
    const unsigned char lead = at(0);
    std::ptrdiff_t size = 0;
    unsigned char low = 0x80, high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF)
      size = 2;
    else if (lead >= 0xE0 && lead <= 0xEF) {
      size = 3;
      if (lead == 0xE0)
        low = 0xA0;
      else if (lead == 0xED)
        high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      size = 4;
      if (lead == 0xF0)
        low = 0x90;
      else if (lead == 0xF4)
        high = 0x8F;
    } else
      return fail("this is not UTF-8");
    if (end_ - p_ < size || at(1) < low || at(1) > high)
      return fail("this is not UTF-8");
    for (std::ptrdiff_t i = 2; i < size; ++i)
      if (at(i) < 0x80 || at(i) > 0xBF)
        return fail("this is not UTF-8");
    p_ += size;
    return true;
  }

  bool string(std::size_t limit, const char* what) {
    const char* from = ++p_;
    escaped_ = false;
    for (;;) {
      p_ = json_scan::gate_special(p_, end_);
      if (p_ == end_)
        return fail("a string does not end");
      if (*p_ == '"')
        break;
      if (*p_ == '\\') {
        escaped_ = true;
        if (!escape())
          return false;
      } else if (static_cast<unsigned char>(*p_) < 0x20)
        return fail("a control character in a string must be escaped");
      else if (!utf8())
        return false;
    }
    if (static_cast<std::size_t>(p_ - from) > limit)
      return fail(what + (" is longer than " + std::to_string(limit)) + " bytes");
    last_string_ = {from, static_cast<std::size_t>(p_ - from)};
    ++p_;
    return true;
  }

  std::size_t place(const char* p) const { return static_cast<std::size_t>(p - begin_); }

  /// The value of a member or an element of an object or array at that depth.
  bool value_within(std::size_t depth, const key_entry& key) {
    if (depth >= outline_depth_)
      return value(depth + 1);
    const auto number = outline_->begin(place(key.raw.data()), key.raw.size(), key.escaped, place(p_));
    if (!value(depth + 1))
      return false;
    outline_->end(number, place(p_));
    return true;
  }

  bool duplicate(const key_entry& key) {
    p_ = key.raw.data();
    return fail("the key \"" + std::string{key.raw} + "\" appears twice");
  }

  /// Whether no two of the keys from `first` on are equal; for objects with many.
  bool all_differ(std::size_t first) {
    const auto from = keys_.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(from, keys_.end(), [](const key_entry& a, const key_entry& b) {
      if (a.hash != b.hash)
        return a.hash < b.hash;
      return !a.escaped && !b.escaped ? a.raw < b.raw : plain(a) < plain(b);
    });
    const auto twice = std::adjacent_find(from, keys_.end(), same_key);
    return twice == keys_.end() ||
           duplicate(twice->raw.data() < std::next(twice)->raw.data() ? *std::next(twice) : *twice);
  }

  bool object(std::size_t depth) {
    ++p_;
    skip_space();
    const std::size_t first = keys_.size();
    if (p_ != end_ && *p_ == '}') {
      ++p_;
      return true;
    }
    for (;;) {
      if (p_ == end_ || *p_ != '"')
        return fail("a key in quotes is expected");
      if (!string(limits_.key_bytes, "a key"))
        return false;
      key_entry key{0, last_string_, escaped_};
      key.hash = escaped_ ? hash_of(plain(key)) : hash_of(key.raw);
      const std::size_t count = keys_.size() - first;
      if (count == limits_.members)
        return fail("an object has more than " + std::to_string(limits_.members) + " members");
      if (count < compared_at_once)
        for (std::size_t i = first; i < keys_.size(); ++i)
          if (same_key(keys_[i], key))
            return duplicate(key);
      keys_.push_back(key);
      skip_space();
      if (p_ == end_ || *p_ != ':')
        return fail("\":\" is expected after a key");
      ++p_;
      skip_space();
      if (!value_within(depth, key)) {
        append_pointer(tokens_.emplace_back(), plain(key));
        return false;
      }
      skip_space();
      if (p_ != end_ && *p_ == ',') {
        ++p_;
        skip_space();
        continue;
      }
      if (p_ != end_ && *p_ == '}')
        break;
      return fail("\",\" or \"}\" is expected");
    }
    const char* behind = p_ + 1;
    if (keys_.size() - first > compared_at_once && !all_differ(first))
      return false;
    keys_.resize(first);
    p_ = behind;
    return true;
  }

  bool array(std::size_t depth) {
    ++p_;
    skip_space();
    if (p_ != end_ && *p_ == ']') {
      ++p_;
      return true;
    }
    for (std::size_t index = 0;; ++index) {
      if (index == limits_.elements)
        return fail("an array has more than " + std::to_string(limits_.elements) + " elements");
      if (!value_within(depth, {0, {p_, 0}, false})) {
        append_pointer(tokens_.emplace_back(), index);
        return false;
      }
      skip_space();
      if (p_ != end_ && *p_ == ',') {
        ++p_;
        skip_space();
        continue;
      }
      if (p_ != end_ && *p_ == ']')
        break;
      return fail("\",\" or \"]\" is expected");
    }
    ++p_;
    return true;
  }

  const char* begin_;
  const char* p_;
  const char* end_;
  const json_limits& limits_;
  json_outline* outline_; ///< null: nobody asks
  std::size_t outline_depth_;
  std::size_t depth_limit_;
  std::size_t values_ = 0;
  std::string_view last_string_;
  bool escaped_ = false;                               ///< whether `last_string_` holds an escape
  boost::container::small_vector<key_entry, 48> keys_; ///< of all open objects, innermost last
  std::optional<json_fault> fault_;
  std::vector<std::string> tokens_; ///< the fault's pointer, innermost first
};

} // namespace

std::optional<json_fault> check_json(std::string_view text, const json_limits& limits) {
  return gate{text, limits, nullptr}.run();
}

std::optional<json_fault> check_json(std::string_view text, json_outline& outline,
                                     const json_limits& limits) {
  outline.clear();
  if (text.size() > json_outline::longest_text)
    return json_fault{json_outline::longest_text, "#", "the text is too long"};
  return gate{text, limits, &outline}.run();
}

void append_pointer(std::string& pointer, std::string_view name) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  constexpr std::string_view allowed = "-._!$&'()*+,;=:@?";
  pointer += '/';
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             allowed.find(c) != std::string_view::npos)
      pointer += c;
    else {
      pointer += '%';
      pointer += hex[byte >> 4];
      pointer += hex[byte & 15];
    }
  }
}

void append_pointer(std::string& pointer, std::size_t index) {
  pointer += '/';
  pointer += std::to_string(index);
}

} // namespace carillon::domain
