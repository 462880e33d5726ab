#include "net/http_connection.hpp"

#include "net/http_request_parser.hpp"
#include "net/request_gate.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <type_traits>

namespace carillon::net::http_detail {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// Bodies up to this size are copied behind the head, so that one buffer goes out.
constexpr std::size_t copied_body = 16 * 1024;
/// What is read at once: heads, and bodies.
constexpr std::size_t head_read = 4 * 1024;
constexpr std::size_t body_read = 64 * 1024;
/// A chunk's header line (with its extensions) or the trailers must fit in this.
constexpr std::size_t most_chunk_overhead_at_once = 16 * 1024;
/// Chunks of one byte with long extensions: the wire may carry this many times the body, and a constant.
constexpr std::size_t most_chunk_overhead_factor = 16;
/// After a refusal the client may still be sending; reading on for a while lets it see the answer, where
/// closing at once would reset the connection and lose it.
constexpr std::chrono::milliseconds linger_time{5'000};
constexpr std::chrono::milliseconds linger_time_stopping{200};
constexpr std::size_t linger_bytes = 16 * 1024 * 1024;

template <class Stream>
class connection final : public connection_base {
public:
  static constexpr bool is_tls = !std::is_same_v<Stream, tcp_socket>;

  template <class... Args>
  connection(worker& home, server_state& server, listener_role role, Args&&... stream)
      : home_(home), server_(server), role_(role), stream_(std::forward<Args>(stream)...) {
    error_code ec;
    const auto peer = stream_.lowest_layer().remote_endpoint(ec);
    peer_ = peer.address();
    peer_text_ = server_.proxies.client_address(peer_, {});
    stream_.lowest_layer().set_option(asio::ip::tcp::no_delay{true}, ec);
    home_.add(*this);
  }

  asio::awaitable<void> run() {
    if (server_.stopping.load(std::memory_order_relaxed))
      co_return;
    if constexpr (is_tls) {
      enter(phase::handshake, server_.settings.header_timeout);
      auto [ec] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_result);
      if (ec || expired())
        co_return;
    }
    // Not `while (… && co_await …)`: GCC 12 compiles that into a trap.
    bool more = true;
    while (more && !server_.stopping.load(std::memory_order_relaxed))
      more = co_await serve_one();
  }

  /// For a connection over the cap.
  asio::awaitable<void> refuse_all() {
    auto request = new_request();
    gate_refusal why{503, "this server has as many connections as it may have"};
    co_await refuse(request, why, clock::now());
  }

private:
  http_request new_request() {
    http_request request;
    request.role = role_;
    request.request_id = home_.make_request_id();
    request.remote = peer_text_;
    return request;
  }

  std::string_view unread() const {
    const auto bytes = buffer_.data();
    return {static_cast<const char*>(bytes.data()), bytes.size()};
  }

  asio::awaitable<error_code> fill(std::size_t most) {
    auto [ec, size] = co_await stream_.async_read_some(buffer_.prepare(most), as_result);
    buffer_.commit(size);
    co_return expired() ? error_code{asio::error::timed_out} : ec;
  }

  /// Waits for a whole head. Empty when the connection ended or only idled; a refusal is written to `no`.
  asio::awaitable<std::size_t> read_head(std::optional<gate_refusal>& no) {
    const auto& limits = server_.settings;
    if (unread().empty()) {
      // An idle connection holds no more than a head's worth.
      if (buffer_.capacity() > 4 * head_read)
        buffer_.shrink_to_fit();
      enter(phase::idle, served_ ? limits.idle_timeout : limits.header_timeout);
    } else
      enter(phase::head, limits.header_timeout);
    std::size_t resume = 0;
    bool skipped_line = false;
    for (;;) {
      // RFC 9112, section 2.2: one empty line before the request is ignored.
      if (!skipped_line && unread().starts_with("\r\n")) {
        buffer_.consume(2);
        skipped_line = true;
      }
      if (!unread().empty() && (skipped_line || unread() != "\r")) {
        const auto scan = scan_head(unread(), resume);
        if (scan.result == head_scan::state::malformed) {
          no = gate_refusal{400, scan.why};
          co_return 0;
        }
        const bool complete = scan.result == head_scan::state::complete;
        if ((complete ? scan.size : unread().size()) > limits.max_header) {
          no = gate_refusal{431, "the head is longer than " + std::to_string(limits.max_header) + " bytes"};
          co_return 0;
        }
        if (complete)
          co_return scan.size;
        resume = scan.resume;
        if (current() == phase::idle)
          enter(phase::head, limits.header_timeout);
      }
      const auto ec = co_await fill(head_read);
      if (ec == asio::error::timed_out && !unread().empty())
        no = gate_refusal{408, "the head didn't come in time"};
      if (ec)
        co_return 0;
    }
  }

  /// Whether another request may follow.
  asio::awaitable<bool> serve_one() {
    std::optional<gate_refusal> no;
    const auto head_size = co_await read_head(no);
    if (head_size == 0 && !no)
      co_return false;
    auto request = new_request();
    const auto began = clock::now();
    enter(phase::handling);
    served_ = true;
    std::optional<http_request_parser> parser; // of a chunked body
    gate_pass pass;
    if (!no)
      no = take_head(parser, request, pass, head_size);
    if (no)
      co_return co_await refuse(request, *no, began);

    const bool has_body = pass.framing == body_framing::chunked || pass.content_length > 0;
    auto decision = ask_about_head(request);
    if (auto* response = std::get_if<http_response>(&decision))
      co_return co_await answer(request, *response, option_for(pass, has_body), began);
    auto& accepted = std::get<http_service::accept_body>(decision);
    // What was judged holds for this moment only: who has to wait for the body asks again.
    const auto limit = accepted.limit;
    if (!has_body || (pass.framing == body_framing::length && unread().size() >= pass.content_length))
      request.judged = std::move(accepted.judged);
    if (pass.content_length > limit)
      no = too_large(limit);
    else if (parser)
      no = co_await read_chunks(*parser, pass, limit);
    else if (has_body)
      no = co_await read_length(request, pass);
    if (no && no->status == 0)
      co_return false;
    if (no)
      co_return co_await refuse(request, *no, began);

    enter(phase::handling);
    std::optional<http_response> response;
    try {
      response = co_await server_.service->handle(request);
    } catch (const std::exception& error) {
      spdlog::error("request {}: {}", request.request_id, error.what());
    }
    if (!response)
      response = server_.service->protocol_error(request, 500, "the request could not be handled");
    co_return co_await answer(request, *response, option_for(pass, false), began);
  }

  /// Judges the head and moves what it says into `request` and `pass`; makes a parser for a chunked body.
  std::optional<gate_refusal> take_head(std::optional<http_request_parser>& parser, http_request& request,
                                        gate_pass& pass, std::size_t head_size) {
    const auto head = unread().substr(0, head_size);
    auto verdict = judge_head(head);
    if (auto* refusal = std::get_if<gate_refusal>(&verdict))
      return std::move(*refusal);
    pass = std::get<gate_pass>(std::move(verdict));
    request.method = pass.method;
    request.path = std::move(pass.path);
    request.query = std::move(pass.query);
    request.fields.reserve(pass.fields.size());
    const bool named = !pass.authority.empty();
    if (named)
      request.fields.add("Host", std::move(pass.authority));
    for (const auto& [name, value] : pass.fields)
      if (!named || !same_field_name(name, "Host"))
        request.fields.add(std::string{name}, std::string{value});
    if (pass.framing == body_framing::chunked) {
      parser.emplace(request);
      parser->header_limit(static_cast<std::uint32_t>(server_.settings.max_header + 1));
      parser->body_limit(boost::none);
      error_code ec;
      const auto used = parser->put(asio::const_buffer{head.data(), head_size}, ec);
      // Two readers must agree on where the body ends, or one of them is wrong.
      if (ec || used != head_size || !parser->is_header_done() || !parser->chunked())
        return gate_refusal{400, "the head can't be understood"};
    }
    pass.fields.clear(); // they point into the buffer
    pass.method = {};
    buffer_.consume(head_size);
    if (!server_.proxies.none())
      request.remote = server_.proxies.client_address(peer_, request.fields);
    return std::nullopt;
  }

  std::variant<http_service::accept_body, http_response> ask_about_head(const http_request& request) {
    try {
      return server_.service->on_head(request);
    } catch (const std::exception& error) {
      spdlog::error("request {}: {}", request.request_id, error.what());
      return server_.service->protocol_error(request, 500, "the request could not be handled");
    }
  }

  static gate_refusal too_large(std::size_t limit) {
    return {413, "the body is longer than " + std::to_string(limit) + " bytes"};
  }

  /// Before the body is read: who waits for it is told to send it. False when the client went away.
  asio::awaitable<bool> ask_for_body(const gate_pass& pass) {
    enter(phase::body, server_.settings.body_timeout);
    if (pass.expects_continue && unread().empty()) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      auto [ec, size] =
          co_await asio::async_write(stream_, asio::const_buffer{go_on.data(), go_on.size()}, as_result);
      co_return !ec;
    }
    co_return true;
  }

  static std::optional<gate_refusal> body_ended(error_code ec) {
    if (ec == asio::error::timed_out)
      return gate_refusal{408, "the body didn't come in time"};
    return gate_refusal{0, {}};
  }

  /// Reads a body of known length. A refusal of status 0: the client went away.
  asio::awaitable<std::optional<gate_refusal>> read_length(http_request& request, const gate_pass& pass) {
    // Each `co_await` in a statement of its own: GCC 12 destroys what a condition around it makes twice.
    if (unread().size() < pass.content_length) {
      const bool asked = co_await ask_for_body(pass);
      if (!asked)
        co_return gate_refusal{0, {}};
    }
    const auto length = static_cast<std::size_t>(pass.content_length);
    // The rest is reserved as it comes: a promise of bytes isn't worth memory.
    request.body.reserve(std::min(length, body_read));
    for (;;) {
      const auto part = unread().substr(0, length - request.body.size());
      request.body += part;
      buffer_.consume(part.size());
      const auto left = length - request.body.size();
      if (left == 0)
        co_return std::nullopt;
      if (const auto ec = co_await fill(std::clamp(left, head_read, body_read)))
        co_return body_ended(ec);
    }
  }

  /// Reads a chunked body. A refusal of status 0: the client went away.
  asio::awaitable<std::optional<gate_refusal>> read_chunks(http_request_parser& parser, const gate_pass& pass,
                                                           std::size_t limit) {
    const bool asked = co_await ask_for_body(pass);
    if (!asked)
      co_return gate_refusal{0, {}};
    parser.body_limit(limit);
    parser.eager(true);
    std::size_t taken = 0;
    for (;;) {
      error_code ec;
      if (!unread().empty()) {
        const auto used = parser.put(asio::const_buffer{unread().data(), unread().size()}, ec);
        buffer_.consume(used);
        taken += used;
      }
      if (ec == http::error::body_limit)
        co_return too_large(limit);
      if (ec && ec != http::error::need_more)
        co_return gate_refusal{400, "the chunked body is malformed: " + ec.message()};
      if (parser.is_done())
        co_return std::nullopt;
      if (unread().size() > most_chunk_overhead_at_once ||
          taken / most_chunk_overhead_factor > limit + most_chunk_overhead_at_once)
        co_return gate_refusal{400, "the chunked body is mostly framing"};
      if (ec = co_await fill(body_read); ec)
        co_return body_ended(ec);
    }
  }

  connection_option option_for(const gate_pass& pass, bool close) const {
    if (close || !pass.keep_alive || server_.stopping.load(std::memory_order_relaxed))
      return connection_option::close;
    return pass.is_http_1_0 ? connection_option::persist_http_1_0 : connection_option::persist;
  }

  // By reference: GCC 12 destroys an aggregate made inside a co_await expression twice.
  asio::awaitable<bool> refuse(http_request& request, gate_refusal& why, clock::time_point began) {
    auto response = server_.service->protocol_error(request, why.status, std::move(why.detail));
    co_await answer(request, response, connection_option::close, began);
    co_return false;
  }

  /// Writes the answer; with `connection_option::close`, ends the connection in an orderly way. True when
  /// another request may follow.
  asio::awaitable<bool> answer(const http_request& request, const http_response& response,
                               connection_option option, clock::time_point began) {
    if (response.status == 0)
      co_return false;
    enter(phase::answering, server_.settings.body_timeout);
    out_.clear();
    append_answer_head(out_, response, request.request_id, home_.date(), option);
    const bool with_body = request.method != "HEAD" && status_allows_body(response.status);
    const bool copied = with_body && response.body.size() <= copied_body;
    if (copied)
      out_ += response.body;
    const std::array<asio::const_buffer, 2> pieces{
        asio::const_buffer{out_.data(), out_.size()},
        with_body && !copied ? asio::const_buffer{response.body.data(), response.body.size()}
                             : asio::const_buffer{}};
    error_code ec;
    if (pieces[1].size() == 0)
      ec = std::get<0>(co_await asio::async_write(stream_, pieces[0], as_result));
    else
      ec = std::get<0>(co_await asio::async_write(stream_, pieces, as_result));
    if (out_.capacity() > 2 * copied_body)
      std::string{}.swap(out_);
    if (ec || expired())
      co_return false;
    server_.service->on_answered(request, response,
                                 std::chrono::duration<double>(clock::now() - began).count());
    if (option == connection_option::close) {
      co_await close_in_order();
      co_return false;
    }
    co_return true;
  }

  asio::awaitable<void> close_in_order() {
    enter(phase::closing, server_.stopping.load() ? linger_time_stopping : linger_time);
    error_code ec;
    if constexpr (is_tls) {
      co_await stream_.async_shutdown(as_result);
      if (expired())
        co_return;
    }
    auto& socket = lowest();
    socket.shutdown(asio::socket_base::shutdown_send, ec);
    buffer_.clear();
    for (std::size_t drained = 0; !ec && !expired() && drained < linger_bytes;) {
      const auto [failed, size] = co_await socket.async_read_some(buffer_.prepare(body_read), as_result);
      ec = failed;
      drained += size;
    }
  }

  tcp_socket& lowest() {
    if constexpr (is_tls)
      return stream_.next_layer();
    else
      return stream_;
  }

  void cancel_operations() override {
    error_code ec;
    lowest().cancel(ec);
  }
  void close_socket() override {
    error_code ec;
    lowest().close(ec);
  }

  worker& home_;
  server_state& server_;
  const listener_role role_;
  Stream stream_;
  asio::ip::address peer_;
  std::string peer_text_;
  boost::beast::flat_buffer buffer_;
  std::string out_;
  bool served_ = false;
};

} // namespace

asio::awaitable<void> serve_plain(worker& home, connection_slot slot, tcp_socket socket, listener_role role) {
  connection<tcp_socket> self{home, slot.state(), role, std::move(socket)};
  co_await self.run();
}

asio::awaitable<void> serve_tls(worker& home, connection_slot slot, tcp_socket socket, listener_role role,
                                std::shared_ptr<asio::ssl::context> tls) {
  connection<asio::ssl::stream<tcp_socket>> self{home, slot.state(), role, std::move(socket), *tls};
  co_await self.run();
}

asio::awaitable<void> refuse_plain(worker& home, connection_slot slot, tcp_socket socket,
                                   listener_role role) {
  connection<tcp_socket> self{home, slot.state(), role, std::move(socket)};
  co_await self.refuse_all();
}

} // namespace carillon::net::http_detail
