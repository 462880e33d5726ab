#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

/// What a link carries after the hellos: records, each a kind, the length of what follows in three bytes (big
/// endian, at most `link_record_limit`), and so many bytes. Those of the tunnel and those of messages take turns, so
/// that a long message doesn't keep back what the tunnel carries.
namespace carillon::net {

/// Bytes of a record before its payload, and of the payload.
inline constexpr std::size_t link_record_header = 4, link_record_limit = 16 * 1024;
/// Bytes of a message; over it the peer speaks another protocol.
inline constexpr std::size_t link_message_limit = std::size_t{128} << 20;

enum class link_record : std::uint8_t {
  tunnel = 1, ///< bytes of the tunnel
  part = 2,   ///< of a message that goes on in the next record of a message
  last = 3,   ///< the end of a message, or all of it
};

/// Appends a record's header; `bytes`: of its payload.
void append_record_header(std::string& out, link_record kind, std::size_t bytes);

/// Takes apart what comes in. Holds no more than one incomplete message.
class link_reader {
public:
  struct nothing {}; ///< all is used up
  struct nonsense {}; ///< no record begins there, or a message is too long
  using piece = std::variant<nothing, std::string_view, std::string, nonsense>;

  /// What came next; stays there until `next` says `nothing`.
  void give(std::string_view bytes) { rest_ = bytes; }

  /// Bytes of the tunnel (a view), or a whole message (a string), in their order.
  piece next();

private:
  bool read_header();

  std::string_view rest_;
  char header_[link_record_header];
  std::size_t header_bytes_ = 0; ///< of it are there
  link_record kind_{};
  std::size_t left_ = 0; ///< of the record's payload
  std::string message_;
};

/// What waits to be sent: messages, and one piece of the tunnel. Thread-safe.
class link_outbox {
public:
  /// Bytes of messages that may wait; one alone may be longer.
  static constexpr std::size_t limit = std::size_t{64} << 20;

  /// False when there is no room.
  bool put(std::string message);
  /// Of at most `link_record_limit` bytes. Only when `wants_tunnel`: the piece before was taken.
  void put_tunnel(std::string_view bytes);
  bool wants_tunnel() const;

  bool empty() const;
  /// Appends records of what waits, about so many bytes of messages, to `out`.
  void take(std::string& out, std::size_t bytes);

private:
  mutable std::mutex guard_;
  std::string tunnel_;
  std::deque<std::string> messages_;
  std::size_t bytes_ = 0; ///< of all messages that wait
  std::size_t sent_ = 0;  ///< of the first
};

} // namespace carillon::net
