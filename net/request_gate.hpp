#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// What a request must be before anything else looks at it.
///
/// HTTP parsers accept more than RFC 9112 allows, and two programs that accept different things can be made
/// to disagree about where one request ends and the next begins (request smuggling). This gate judges the raw
/// bytes of the head, before a parser has normalised them, and refuses whatever could be read in two ways.
/// Pure functions: no sockets, no clocks.
namespace carillon::net {

/// Most header fields in one request; more is refused with 431.
inline constexpr std::size_t max_header_fields = 128;

/// Where the head ends in a buffer that is still filling.
struct head_scan {
  enum class state : std::uint8_t { incomplete, complete, malformed };
  state result = state::incomplete;
  std::size_t size = 0;   ///< complete: bytes of the head, its empty line included
  std::size_t resume = 0; ///< incomplete: where the next scan may begin
  const char* why = "";   ///< malformed: what was wrong, for people
};

/// Looks for the end of the head in `bytes`, which begin with a request line; `resume` comes from the last
/// scan. Bare line feeds and bytes that can't begin a request are malformed at once, so that a client that
/// speaks something else (TLS to a plain port) hears of it before its deadline.
head_scan scan_head(std::string_view bytes, std::size_t resume) noexcept;

/// How the body is delimited.
enum class body_framing : std::uint8_t { none, length, chunked };

/// What a head that may pass says.
struct gate_pass {
  std::string_view method;                                ///< points into the head
  std::string path;                                       ///< decoded; begins with '/'
  std::vector<std::pair<std::string, std::string>> query; ///< decoded as a form: '+' is a space
  std::string authority;                                  ///< of an absolute-form target; replaces Host
  body_framing framing = body_framing::none;
  std::uint64_t content_length = 0; ///< bytes; with `body_framing::length`
  bool expects_continue = false;    ///< the client waits for "100 Continue" before it sends the body
  bool is_http_1_0 = false;
  bool keep_alive = true; ///< the client lets the connection go on after the answer
  std::vector<std::pair<std::string_view, std::string_view>> fields; ///< in order; they point into the head
};

/// Why a head may not pass. The connection must be closed after the answer.
struct gate_refusal {
  int status = 400; ///< 400; 417 for an unknown expectation; 431 too many fields; 505 for other versions
  std::string detail;
};

/// Judges one complete head: the request line, the fields and the empty line, as they came.
std::variant<gate_pass, gate_refusal> judge_head(std::string_view head);

} // namespace carillon::net
