#pragma once

#include "net/http_answer.hpp"
#include "net/http_request_parser.hpp"
#include "net/http_server.hpp"
#include "net/http_stream.hpp"
#include "net/http_worker.hpp"
#include "net/request_gate.hpp"
#include "net/task.hpp"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace carillon::net::http_detail {

/// One connection of a client, a state machine that its worker's loop drives:
///
///     handshake --> idle --> head --> body --> handling --> answering --> idle …
///       (TLS)        |         |        |                       |
///                    +---------+--------+---> closing <---------+
///
/// It goes on until it would have to wait: for the socket, or for the service's task. Answers are gathered
/// while whole requests are at hand, so that a burst is answered by one write. On the worker's thread only.
class http_connection final : public connection_base, public socket_watcher, public task_observer {
public:
  http_connection(worker& home, connection_slot slot, int socket, listener_role role,
                  const boost::asio::ip::address& peer);

  /// Begins: with the handshake when `tls` isn't null, with the first request else.
  void begin(const tls_server* tls);
  /// For a connection over the cap: it is told so.
  void begin_refusing();

  void check_deadline(clock::time_point now) override;
  void stop() override;
  void abort() override;
  void handled() override;

private:
  /// Where it is in its life; decides what a deadline and what stopping mean.
  enum class phase : std::uint8_t { handshake, idle, head, body, handling, answering, closing, closed };

  /// What a step of the state machine leaves: another one to take, or something to wait for.
  enum class step : bool { next, wait };

  void on_ready(std::uint32_t events) override;
  void on_task_done() noexcept override;

  void enter(phase now_in);
  void enter(phase now_in, std::chrono::milliseconds limit);

  void drive(step first);
  step take_step();
  void close();
  step close_and_wait();

  bool watch();
  void hold_unread();
  step shake_hands();
  step read_more();
  void wait_for_request();
  step read_head();
  void new_request();
  step take_head(std::size_t size);
  std::optional<gate_refusal> judge_and_take(std::string_view head);
  std::variant<http_service::accept_body, http_response> ask_about_head();
  gate_refusal too_large() const;
  step begin_body();
  step read_body();
  std::optional<gate_refusal> take_chunks();

  step handle();
  step answer_handled();
  connection_option option_for(bool close) const;
  step refuse(gate_refusal why);
  step refuse_unread(gate_refusal why);
  step answer(http_response response, bool close);
  stream_state write_some();
  step write_out();
  step close_in_order();

  worker& home_;
  connection_slot slot_;
  const listener_role role_;
  http_stream stream_;
  boost::asio::ip::address peer_;
  std::string peer_text_;

  phase phase_ = phase::handshake;
  clock::time_point deadline_ = clock::time_point::max();
  bool going_on_ = false;     ///< a step is being taken
  bool served_ = false;       ///< a request was read
  bool skipped_line_ = false; ///< before the request that is read
  bool ending_ = false;       ///< the answer that is written is the last
  bool output_ended_ = false;

  /// What was read and is not used yet: in `held_`, or while a step is taken, where the worker reads to.
  std::string_view unread_;
  std::string held_;
  std::size_t resume_ = 0; ///< where the head's scan goes on

  // The request that is read or handled.
  http_request request_;
  gate_pass pass_;
  std::size_t body_limit_ = 0;
  std::unique_ptr<http_request_parser> chunks_; ///< of a chunked body
  std::size_t taken_ = 0;                       ///< bytes of that, with its framing
  clock::time_point began_;
  task<http_response> task_;

  // What is to be written, from `written_` of both together.
  std::string output_;
  std::string large_; ///< a body too large to be copied
  std::size_t written_ = 0;

  std::size_t discarded_ = 0; ///< bytes that came after the last answer
};

} // namespace carillon::net::http_detail
