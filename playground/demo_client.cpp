#include "playground/demo_client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <atomic>

namespace carillon::playground {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

/// The largest answer that is read, bytes: a page of the missed feed is far below.
constexpr std::size_t most_body = std::size_t{16} << 20;

} // namespace

class demo_client::impl {
public:
  explicit impl(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    const auto colon = url.rfind(':');
    if (!url.starts_with(scheme) || colon < scheme.size())
      throw std::runtime_error("the playground can't speak to " + std::string{url});
    host_ = url.substr(scheme.size(), colon - scheme.size());
    port_ = url.substr(colon + 1);
    if (host_.starts_with('[') && host_.ends_with(']'))
      host_ = host_.substr(1, host_.size() - 2);
    authority_ = url.substr(scheme.size());
  }

  demo_answer call(std::string_view method, std::string_view target, const demo_headers& headers,
                   std::string body, std::chrono::milliseconds patience) {
    http::request<http::string_body> request;
    request.version(11);
    request.method_string(boost::beast::string_view{method.data(), method.size()});
    request.target(boost::beast::string_view{target.data(), target.size()});
    request.set(http::field::host, authority_);
    request.set(http::field::user_agent, "carillon-playground/" CARILLON_VERSION);
    request.set(http::field::connection, "close");
    for (const auto& [name, value] : headers)
      request.insert(name, value);
    if (!body.empty())
      request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    request.prepare_payload();

    asio::ip::tcp::resolver resolver{context_};
    boost::beast::tcp_stream stream{context_};
    stream.expires_after(patience);
    error_code ec;
    const auto done = [&ec](error_code e, auto&&...) { ec = e; };
    const auto found = resolver.resolve(host_, port_, ec);
    if (!ec)
      run([&] { stream.async_connect(found, done); });
    if (!ec)
      run([&] { http::async_write(stream, request, done); });
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(most_body);
    if (!ec)
      run([&] { http::async_read(stream, buffer, parser, done); });
    if (ec)
      throw std::runtime_error("the node did not answer " + std::string{method} + " " + std::string{target} +
                               ": " + ec.message());
    return {static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
  }

  void sleep(std::chrono::milliseconds time) {
    asio::steady_timer timer{context_, time};
    run([&] { timer.async_wait([](error_code) {}); });
  }

  void stop() {
    stopped_ = true;
    context_.stop();
  }

private:
  /// Starts one operation and waits for its end. The handlers of one that was left don't run any more.
  template <class Operation>
  void run(Operation&& operation) {
    operation();
    context_.restart();
    // Looked at after the restart, which would undo an earlier stop.
    if (!stopped_)
      context_.run();
    if (stopped_)
      throw demo_stopped{};
  }

  std::string host_;
  std::string port_;
  std::string authority_;
  std::atomic<bool> stopped_{false};
  asio::io_context context_{1};
};

const std::string& demo_answer::expect(std::initializer_list<int> wanted, std::string_view what) const {
  if (std::find(wanted.begin(), wanted.end(), status) == wanted.end())
    throw std::runtime_error("the playground could not " + std::string{what} + ": the node answered " +
                             std::to_string(status) + " " + body);
  return body;
}

demo_client::demo_client(std::string_view url) : impl_(std::make_unique<impl>(url)) {}
demo_client::~demo_client() = default;

demo_answer demo_client::call(std::string_view method, std::string_view target, const demo_headers& headers,
                              std::string body, std::chrono::milliseconds patience) {
  return impl_->call(method, target, headers, std::move(body), patience);
}

void demo_client::sleep(std::chrono::milliseconds time) {
  impl_->sleep(time);
}

void demo_client::stop() {
  impl_->stop();
}

} // namespace carillon::playground
