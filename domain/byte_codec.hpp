#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

/// The binary form of what the store holds: LEB128 integers and length-prefixed texts, appended to a string.
namespace carillon::domain {

class byte_writer {
public:
  explicit byte_writer(std::string& out) : out_{out} {}

  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }

  void number(std::uint64_t v) {
    if (v < 0x80) { // most are
      out_.push_back(static_cast<char>(v));
      return;
    }
    char bytes[10];
    std::size_t count = 0;
    while (v >= 0x80) {
      bytes[count++] = static_cast<char>((v & 0x7F) | 0x80);
      v >>= 7;
    }
    bytes[count++] = static_cast<char>(v);
    out_.append(bytes, count);
  }

  /// Small negative numbers stay small.
  void signed_number(std::int64_t v) {
    number((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
  }

  void text(std::string_view v) {
    number(v.size());
    out_.append(v);
  }

  void raw(std::string_view v) { out_.append(v); }

  void fixed32(std::uint32_t v) {
    char bytes[4];
    for (int i = 0; i < 4; ++i)
      bytes[i] = static_cast<char>(v >> (8 * i));
    out_.append(bytes, sizeof bytes);
  }

  std::size_t size() const { return out_.size(); }

private:
  std::string& out_;
};

/// Reads what byte_writer wrote. After anything unreadable `ok()` is false and all further reads yield zeros.
class byte_reader {
public:
  explicit byte_reader(std::string_view in) : in_{in} {}

  bool ok() const { return ok_; }
  bool at_end() const { return !ok_ || pos_ >= in_.size(); }
  std::size_t position() const { return pos_; }

  std::uint8_t u8() {
    if (!need(1))
      return 0;
    return static_cast<std::uint8_t>(in_[pos_++]);
  }

  std::uint64_t number() {
    std::uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = u8();
      v |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0)
        return v;
    }
    ok_ = false;
    return 0;
  }

  template <class T>
  T as() {
    return static_cast<T>(number());
  }

  std::int64_t signed_number() {
    const auto v = number();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }

  std::string_view raw(std::size_t n) {
    if (!need(n))
      return {};
    const auto v = in_.substr(pos_, n);
    pos_ += n;
    return v;
  }

  std::string_view text() { return raw(static_cast<std::size_t>(number())); }

  std::uint32_t fixed32() {
    const auto v = raw(4);
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < v.size(); ++i)
      out |= static_cast<std::uint32_t>(static_cast<std::uint8_t>(v[i])) << (8 * i);
    return out;
  }

  void fail() { ok_ = false; }

private:
  bool need(std::size_t n) {
    if (ok_ && n <= in_.size() - pos_)
      return true;
    ok_ = false;
    return false;
  }

  std::string_view in_;
  std::size_t pos_ = 0;
  bool ok_ = true;
};

} // namespace carillon::domain
