#include "net/http_connection.hpp"

#include <boost/beast/http/error.hpp>
#include <spdlog/spdlog.h>

#include <sys/epoll.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace carillon::net::http_detail {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

/// Bodies up to this size are copied behind the head, so that one buffer goes out.
constexpr std::size_t copied_body = 16 * 1024;
/// Answers of a burst are gathered up to this size.
constexpr std::size_t gathered_output = 64 * 1024;
/// What a connection keeps of its buffers' memory between two requests.
constexpr std::size_t kept_memory = 16 * 1024;
/// What is reserved for a body before it comes: a promise of bytes isn't worth more memory.
constexpr std::size_t reserved_body = 64 * 1024;
/// A chunk's header line (with its extensions) or the trailers must fit in this.
constexpr std::size_t most_chunk_overhead_at_once = 16 * 1024;
/// Chunks of one byte with long extensions: the wire may carry this many times the body, and a constant.
constexpr std::size_t most_chunk_overhead_factor = 16;
/// After a refusal the client may still be sending; reading on for a while lets it see the answer, where
/// closing at once would reset the connection and lose it.
constexpr std::chrono::milliseconds linger_time{5'000};
constexpr std::chrono::milliseconds linger_time_stopping{200};
constexpr std::size_t linger_bytes = 16 * 1024 * 1024;

void keep_little(std::string& text) {
  text.clear();
  if (text.capacity() > kept_memory)
    std::string{}.swap(text);
}

} // namespace

http_connection::http_connection(worker& home, connection_slot slot, int socket, listener_role role,
                                 const asio::ip::address& peer)
    : home_(home), slot_(std::move(slot)), role_(role), stream_(socket), peer_(peer) {
  peer_text_ = slot_.state().proxies.client_address(peer_, {});
}

/// Edge-triggered, for all there is: no request costs a call to change that.
bool http_connection::watch() {
  return !home_.loop().events().watch(stream_.socket(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
}

void http_connection::begin(const tls_server* tls) {
  if (!watch() || slot_.state().stopping.load(std::memory_order_relaxed) ||
      (tls != nullptr && !stream_.start_tls(*tls)))
    return close();
  // The first edge comes at once: the socket can be written to.
  enter(tls != nullptr ? phase::handshake : phase::idle, slot_.state().settings.header_timeout);
}

void http_connection::begin_refusing() {
  if (!watch())
    return close();
  drive(refuse_unread({503, "this server has as many connections as it may have"}));
}

// --- what moves it ---

void http_connection::on_ready(std::uint32_t events) {
  stream_.ready(events);
  drive(step::next);
}

void http_connection::on_task_done() noexcept {
  // Within `start`, whoever called that sees it; else the task must come to rest first.
  if (!going_on_)
    home_.task_done(*this);
}

void http_connection::handled() {
  if (phase_ != phase::closed)
    return drive(step::next);
  task_.reset();
  home_.over(*this);
}

void http_connection::check_deadline(clock::time_point now) {
  if (now < deadline_)
    return;
  deadline_ = clock::time_point::max();
  if (phase_ == phase::head && !unread_.empty())
    drive(refuse_unread({408, "the head didn't come in time"}));
  else if (phase_ == phase::body)
    drive(refuse({408, "the body didn't come in time"}));
  else
    close();
}

void http_connection::stop() {
  if (phase_ != phase::body && phase_ != phase::handling && phase_ != phase::answering)
    close();
}

void http_connection::abort() {
  close();
}

void http_connection::enter(phase now_in) {
  phase_ = now_in;
  deadline_ = clock::time_point::max();
}

void http_connection::enter(phase now_in, std::chrono::milliseconds limit) {
  phase_ = now_in;
  deadline_ = clock::now() + limit;
}

void http_connection::drive(step first) {
  going_on_ = true;
  for (auto taken = first; taken == step::next;)
    taken = take_step();
  going_on_ = false;
  hold_unread();
}

http_connection::step http_connection::take_step() {
  switch (phase_) {
  case phase::handshake:
    return shake_hands();
  case phase::idle:
  case phase::head:
    return read_head();
  case phase::body:
    return read_body();
  case phase::handling:
    return task_.done() ? answer_handled() : step::wait;
  case phase::answering:
    return write_out();
  case phase::closing:
    return close_in_order();
  case phase::closed:
    break;
  }
  return step::wait;
}

http_connection::step http_connection::close_and_wait() {
  close();
  return step::wait;
}

/// Closes the socket at once. It stays where it is until a task that runs for it is done.
void http_connection::close() {
  if (phase_ == phase::closed)
    return;
  const bool task_runs = phase_ == phase::handling;
  enter(phase::closed);
  unread_ = {};
  home_.loop().events().forget(stream_.socket(), *this);
  stream_.close();
  slot_.release();
  if (!task_runs)
    home_.over(*this);
}

// --- reading ---

http_connection::step http_connection::shake_hands() {
  switch (stream_.handshake()) {
  case stream_state::done:
    enter(phase::idle, slot_.state().settings.header_timeout);
    return step::next;
  case stream_state::blocked:
    return step::wait;
  default:
    return close_and_wait();
  }
}

/// What is unread moves out of where others read to.
void http_connection::hold_unread() {
  if (unread_.empty() || unread_.data() == held_.data())
    return;
  held_.assign(unread_);
  unread_ = held_;
}

/// `next`: there is more to look at.
http_connection::step http_connection::read_more() {
  const auto scratch = home_.scratch();
  std::size_t got = 0;
  hold_unread();
  switch (stream_.read(scratch, got)) {
  case stream_state::done:
    break;
  case stream_state::blocked:
    return step::wait;
  default:
    return close_and_wait();
  }
  const std::string_view fresh{scratch.data(), got};
  if (unread_.empty()) {
    unread_ = fresh;
  } else {
    held_ += fresh;
    unread_ = held_;
  }
  return step::next;
}

/// The next request begins with what is unread.
void http_connection::wait_for_request() {
  const auto& limits = slot_.state().settings;
  if (!unread_.empty())
    return enter(phase::head, limits.header_timeout);
  // An idle connection holds next to nothing.
  keep_little(held_);
  enter(phase::idle, served_ ? limits.idle_timeout : limits.header_timeout);
}

http_connection::step http_connection::read_head() {
  const auto& limits = slot_.state().settings;
  // RFC 9112, section 2.2: one empty line before the request is ignored.
  if (!skipped_line_ && unread_.starts_with("\r\n")) {
    unread_.remove_prefix(2);
    skipped_line_ = true;
  }
  if (!unread_.empty() && (skipped_line_ || unread_ != "\r")) {
    const auto scan = scan_head(unread_, resume_);
    if (scan.result == head_scan::state::malformed)
      return refuse_unread({400, scan.why});
    const bool complete = scan.result == head_scan::state::complete;
    if ((complete ? scan.size : unread_.size()) > limits.max_header)
      return refuse_unread({431, "the head is longer than " + std::to_string(limits.max_header) + " bytes"});
    if (complete)
      return take_head(scan.size);
    resume_ = scan.resume;
    if (phase_ == phase::idle)
      enter(phase::head, limits.header_timeout);
  }
  if (!output_.empty()) {
    enter(phase::answering);
    return step::next;
  }
  return read_more();
}

void http_connection::new_request() {
  home_.make_request_id(request_.request_id);
  request_.method.clear();
  request_.path.clear();
  request_.query.clear();
  request_.fields.clear();
  request_.body.clear();
  request_.judged.reset();
  request_.remote = peer_text_;
  request_.role = role_;
  began_ = clock::now();
  served_ = true;
  resume_ = 0;
  skipped_line_ = false;
}

http_connection::step http_connection::take_head(std::size_t size) {
  new_request();
  enter(phase::handling);
  if (auto no = judge_and_take(unread_.substr(0, size)))
    return refuse(std::move(*no));
  unread_.remove_prefix(size);
  const bool has_body = pass_.framing == body_framing::chunked || pass_.content_length > 0;
  auto decision = ask_about_head();
  if (auto* response = std::get_if<http_response>(&decision))
    return answer(std::move(*response), has_body);
  auto& accepted = std::get<http_service::accept_body>(decision);
  body_limit_ = accepted.limit;
  // What was judged holds for this moment only: who has to wait for the body asks again.
  if (!has_body || (pass_.framing == body_framing::length && unread_.size() >= pass_.content_length))
    request_.judged = std::move(accepted.judged);
  if (pass_.content_length > body_limit_)
    return refuse(too_large());
  return has_body ? begin_body() : handle();
}

/// Judges the head and moves what it says into the request; makes a parser for a chunked body.
std::optional<gate_refusal> http_connection::judge_and_take(std::string_view head) {
  auto verdict = judge_head(head);
  if (auto* refusal = std::get_if<gate_refusal>(&verdict))
    return std::move(*refusal);
  pass_ = std::get<gate_pass>(std::move(verdict));
  request_.method = pass_.method;
  request_.path = std::move(pass_.path);
  request_.query = std::move(pass_.query);
  const bool named = !pass_.authority.empty();
  if (named)
    request_.fields.add("Host", pass_.authority);
  for (const auto& [name, value] : pass_.fields)
    if (!named || !same_field_name(name, "Host"))
      request_.fields.add(name, value);
  pass_.fields.clear(); // they point into what was read
  pass_.method = {};
  const auto& state = slot_.state();
  if (pass_.framing == body_framing::chunked) {
    chunks_ = std::make_unique<http_request_parser>(request_);
    chunks_->header_limit(static_cast<std::uint32_t>(state.settings.max_header + 1));
    chunks_->body_limit(boost::none);
    taken_ = 0;
    error_code ec;
    const auto used = chunks_->put(asio::const_buffer{head.data(), head.size()}, ec);
    // Two readers must agree on where the body ends, or one of them is wrong.
    if (ec || used != head.size() || !chunks_->is_header_done() || !chunks_->chunked())
      return gate_refusal{400, "the head can't be understood"};
  }
  if (!state.proxies.none())
    request_.remote = state.proxies.client_address(peer_, request_.fields);
  return std::nullopt;
}

std::variant<http_service::accept_body, http_response> http_connection::ask_about_head() {
  const auto& service = slot_.state().service;
  try {
    return service->on_head(request_);
  } catch (const std::exception& error) {
    spdlog::error("request {}: {}", request_.request_id, error.what());
    return service->protocol_error(request_, 500, "the request could not be handled");
  }
}

gate_refusal http_connection::too_large() const {
  return {413, "the body is longer than " + std::to_string(body_limit_) + " bytes"};
}

http_connection::step http_connection::begin_body() {
  if (chunks_) {
    chunks_->body_limit(body_limit_);
    chunks_->eager(true);
  } else if (unread_.size() >= pass_.content_length) {
    request_.body = unread_.substr(0, static_cast<std::size_t>(pass_.content_length));
    unread_.remove_prefix(request_.body.size());
    return handle();
  } else
    request_.body.reserve(std::min(static_cast<std::size_t>(pass_.content_length), reserved_body));
  enter(phase::body, slot_.state().settings.body_timeout);
  // Who waits to be told so is told to send it.
  if (pass_.expects_continue && unread_.empty())
    output_ += "HTTP/1.1 100 Continue\r\n\r\n";
  return step::next;
}

http_connection::step http_connection::read_body() {
  if (chunks_) {
    if (auto no = take_chunks())
      return refuse(std::move(*no));
    if (chunks_->is_done())
      return handle();
  } else {
    const auto length = static_cast<std::size_t>(pass_.content_length);
    const auto part = unread_.substr(0, length - request_.body.size());
    request_.body += part;
    unread_.remove_prefix(part.size());
    if (request_.body.size() == length)
      return handle();
  }
  // Whoever waits for an answer of before, or for a word to go on, mustn't wait for the body.
  if (!output_.empty() && write_some() == stream_state::failed)
    return close_and_wait();
  return read_more();
}

std::optional<gate_refusal> http_connection::take_chunks() {
  error_code ec;
  if (!unread_.empty()) {
    const auto used = chunks_->put(asio::const_buffer{unread_.data(), unread_.size()}, ec);
    unread_.remove_prefix(used);
    taken_ += used;
  }
  if (ec == http::error::body_limit)
    return too_large();
  if (ec && ec != http::error::need_more)
    return gate_refusal{400, "the chunked body is malformed: " + ec.message()};
  if (!chunks_->is_done() &&
      (unread_.size() > most_chunk_overhead_at_once ||
       taken_ / most_chunk_overhead_factor > body_limit_ + most_chunk_overhead_at_once))
    return gate_refusal{400, "the chunked body is mostly framing"};
  return std::nullopt;
}

// --- answering ---

http_connection::step http_connection::handle() {
  chunks_.reset();
  enter(phase::handling);
  task_ = slot_.state().service->handle(request_);
  task_.start(*this);
  if (task_.done())
    return answer_handled();
  // Earlier answers of a burst needn't wait for this one. When it fails, so will the next.
  if (!output_.empty())
    write_some();
  return step::wait;
}

http_connection::step http_connection::answer_handled() {
  const auto& service = slot_.state().service;
  std::optional<http_response> response;
  try {
    response = task_.take();
  } catch (const std::exception& error) {
    spdlog::error("request {}: {}", request_.request_id, error.what());
  }
  task_.reset();
  if (!response)
    response = service->protocol_error(request_, 500, "the request could not be handled");
  return answer(std::move(*response), false);
}

connection_option http_connection::option_for(bool close) const {
  if (close || !pass_.keep_alive || slot_.state().stopping.load(std::memory_order_relaxed))
    return connection_option::close;
  return pass_.is_http_1_0 ? connection_option::persist_http_1_0 : connection_option::persist;
}

/// Refuses the request that was read so far.
http_connection::step http_connection::refuse(gate_refusal why) {
  chunks_.reset();
  auto response = slot_.state().service->protocol_error(request_, why.status, std::move(why.detail));
  return answer(std::move(response), true);
}

/// Refuses what has no head that could be read.
http_connection::step http_connection::refuse_unread(gate_refusal why) {
  new_request();
  return refuse(std::move(why));
}

http_connection::step http_connection::answer(http_response response, bool close) {
  enter(phase::answering);
  if (response.status == 0) {
    write_some(); // the answers of before
    return close_and_wait();
  }
  const auto option = option_for(close);
  append_answer_head(output_, response, request_.request_id, home_.date(), option);
  slot_.state().service->on_answered(request_, response,
                                     std::chrono::duration<double>(clock::now() - began_).count());
  const bool with_body = request_.method != "HEAD" && status_allows_body(response.status);
  if (with_body && response.body.size() <= copied_body)
    output_ += response.body;
  else if (with_body)
    large_ = std::move(response.body);
  ending_ = option == connection_option::close;
  // A request that is at hand already is answered by the same write.
  if (!ending_ && large_.empty() && !unread_.empty() && output_.size() < gathered_output)
    wait_for_request();
  return step::next;
}

/// Writes what the socket takes; `done` when that is all.
stream_state http_connection::write_some() {
  while (written_ < output_.size() + large_.size()) {
    const auto of_output = std::min(written_, output_.size());
    const auto of_large = written_ - of_output;
    const std::array<iovec, 2> pieces{iovec{output_.data() + of_output, output_.size() - of_output},
                                      iovec{large_.data() + of_large, large_.size() - of_large}};
    std::size_t taken = 0;
    if (const auto state = stream_.write(pieces, taken); state != stream_state::done)
      return state;
    written_ += taken;
  }
  written_ = 0;
  keep_little(output_);
  std::string{}.swap(large_);
  return stream_state::done;
}

http_connection::step http_connection::write_out() {
  switch (write_some()) {
  case stream_state::done:
    break;
  case stream_state::blocked:
    if (deadline_ == clock::time_point::max())
      enter(phase::answering, slot_.state().settings.body_timeout);
    return step::wait;
  default:
    return close_and_wait();
  }
  if (ending_) {
    unread_ = {};
    enter(phase::closing, slot_.state().stopping.load() ? linger_time_stopping : linger_time);
  } else
    wait_for_request();
  return step::next;
}

http_connection::step http_connection::close_in_order() {
  if (!output_ended_) {
    switch (stream_.end_output()) {
    case stream_state::done:
      break;
    case stream_state::blocked:
      return step::wait;
    default:
      return close_and_wait();
    }
    output_ended_ = true;
  }
  std::size_t got = 0;
  while (discarded_ < linger_bytes) {
    switch (stream_.discard(home_.scratch(), got)) {
    case stream_state::done:
      discarded_ += got;
      break;
    case stream_state::blocked:
      return step::wait;
    default:
      return close_and_wait();
    }
  }
  return close_and_wait();
}

} // namespace carillon::net::http_detail
