#include "net/response_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace carillon::net {

namespace http = boost::beast::http;

void response_reader::parser::on_response_impl(int code, string_view, int, error_code&) { owner_.status_ = code; }

void response_reader::parser::on_field_impl(http::field name, string_view, string_view value, error_code&) {
  if (name == http::field::retry_after && value.size() <= 64)
    owner_.retry_after_.assign(value.data(), value.size());
}

std::size_t response_reader::parser::on_body_impl(string_view bytes, error_code&) {
  owner_.body_bytes_ += bytes.size();
  const auto room = owner_.limits_.excerpt - std::min(owner_.limits_.excerpt, owner_.excerpt_.size());
  owner_.excerpt_.append(bytes.data(), std::min(room, bytes.size()));
  return bytes.size();
}

std::size_t response_reader::parser::on_chunk_body_impl(std::uint64_t, string_view bytes, error_code& error) {
  return on_body_impl(bytes, error);
}

void response_reader::new_parser() {
  parser_.emplace(*this);
  parser_->eager(true);
  parser_->body_limit(boost::none); // `parse` has its own, which is no error
  parser_->header_limit(static_cast<std::uint32_t>(limits_.header - std::min(limits_.header, head_bytes_)));
}

void response_reader::reset() {
  head_bytes_ = body_bytes_ = overhead_ = 0;
  pending_.clear();
  excerpt_.clear();
  retry_after_.clear();
  error_.clear();
  status_ = 0;
  begun_ = has_head_ = keep_alive_ = false;
  new_parser();
}

response_reader::progress response_reader::refuse(std::string why) {
  error_ = std::move(why);
  keep_alive_ = false;
  return progress::malformed;
}

response_reader::progress response_reader::parse(std::string_view& bytes) {
  while (!bytes.empty()) {
    boost::beast::error_code error;
    const auto body_before = body_bytes_;
    const auto used = parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    bytes.remove_prefix(used);
    if (has_head_)
      overhead_ += used - (body_bytes_ - body_before);
    const bool broken = error && error != http::error::need_more;
    if (parser_->is_header_done() && !has_head_) {
      const bool interim = status_ >= 100 && status_ < 200 && status_ != 101;
      if (interim && !broken) {
        head_bytes_ += used;
        retry_after_.clear();
        if (head_bytes_ >= limits_.header)
          return refuse("too many interim answers");
        new_parser();
        continue;
      }
      has_head_ = !interim;
    }
    if (broken)
      return refuse(error == http::error::header_limit ? "the answer's header is too long"
                                                       : "the answer is not valid HTTP: " + error.message());
    if (has_head_ && (body_bytes_ >= limits_.body || overhead_ > limits_.header + limits_.body))
      return progress::enough;
    if (parser_->is_done()) {
      // A connection that answers more than it was asked, or that changed its protocol, is of no further use.
      keep_alive_ = parser_->keep_alive() && bytes.empty() && status_ != 101;
      return progress::complete;
    }
    if (error == http::error::need_more)
      break;
  }
  return progress::more;
}

response_reader::progress response_reader::feed(std::string_view bytes) {
  begun_ = begun_ || !bytes.empty();
  if (pending_.empty()) {
    const auto result = parse(bytes);
    if (result == progress::more)
      pending_.assign(bytes);
    return result;
  }
  pending_.append(bytes);
  std::string_view rest = pending_;
  const auto result = parse(rest);
  if (result == progress::more)
    pending_.erase(0, pending_.size() - rest.size());
  // The parser leaves a line until it is whole: a head, or the line before a chunk, may not grow for ever.
  if (result == progress::more && pending_.size() > limits_.header)
    return has_head_ ? progress::enough : refuse("the answer's header is too long");
  return result;
}

response_reader::progress response_reader::end_of_stream() {
  boost::beast::error_code error;
  if (parser_->got_some() && pending_.empty())
    parser_->put_eof(error);
  else
    error = http::error::partial_message;
  keep_alive_ = false;
  if (error || !has_head_)
    return refuse(begun_ ? "the connection ended within the answer" : "the connection ended without an answer");
  return progress::complete;
}

std::string response_reader::excerpt() const { return to_valid_utf8(excerpt_, limits_.excerpt); }

std::optional<std::uint32_t> response_reader::retry_after(domain::wall_time now) const {
  return parse_retry_after(retry_after_, now);
}

namespace {

// How many bytes the valid UTF-8 sequence at the front has; 0 if there is none.
std::size_t sequence_length(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80)
    return 1;
  const std::size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0U) == 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (length == 0 || bytes.size() < length)
    return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0U) != 0x80)
      return 0;
  // Overlong forms, surrogates, and what lies beyond U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf0 && byte(1) < 0x90) ||
      (lead == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

} // namespace

std::string to_valid_utf8(std::string_view bytes, std::size_t limit) {
  constexpr std::string_view replacement = "\xef\xbf\xbd";
  std::string text;
  while (!bytes.empty()) {
    const auto length = sequence_length(bytes);
    const auto piece = length == 0 ? replacement : bytes.substr(0, length);
    if (text.size() + piece.size() > limit)
      break;
    text += piece;
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

std::optional<std::uint32_t> parse_retry_after(std::string_view value, domain::wall_time now) {
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  if (value.empty() || value.size() > 64)
    return std::nullopt;
  if (std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    std::uint32_t seconds = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    return failure == std::errc::result_out_of_range ? most : seconds;
  }
  static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  unsigned day = 0, hour = 0, minute = 0, second = 0;
  int year = 0, used = 0;
  char month_name[4] = {};
  const std::string text{value};
  if (std::sscanf(text.c_str(), "%*3[A-Za-z], %2u %3[A-Za-z] %4d %2u:%2u:%2u GMT%n", &day, month_name, &year, &hour, &minute,
                  &second, &used) != 6 ||
      static_cast<std::size_t>(used) != text.size())
    return std::nullopt;
  const auto month = std::find(months.begin(), months.end(), month_name);
  if (month == months.end() || hour > 23 || minute > 59 || second > 60)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month - months.begin()) + 1},
                                         std::chrono::day{day}};
  if (!date.ok())
    return std::nullopt;
  const auto when = std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                    std::chrono::seconds{second};
  const auto wait = std::chrono::ceil<std::chrono::seconds>(when - now).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(wait, 0, most));
}

} // namespace carillon::net
