#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::playground {

/// Thrown to whoever waits in a client that was told to stop.
struct demo_stopped : std::runtime_error {
  demo_stopped() : std::runtime_error{"stopped"} {}
};

/// What the node answered.
struct demo_answer {
  int status = 0;
  std::string body;

  /// The body, when the status is one of `wanted`; else throws std::runtime_error: "the playground could not
  /// `what`", with the answer.
  const std::string& expect(std::initializer_list<int> wanted, std::string_view what) const;
};

using demo_headers = std::vector<std::pair<std::string, std::string>>;

/// Speaks plain HTTP to the playground's own node, as any program outside would: one request a connection.
/// Belongs to one thread, but for `stop`.
class demo_client {
public:
  /// `url` is what the node says it listens on: "http://127.0.0.1:8080". Throws std::runtime_error when it is
  /// no such URL.
  explicit demo_client(std::string_view url);
  ~demo_client();

  /// One request; a body goes as JSON. Throws std::runtime_error when there is no answer within `patience`,
  /// and demo_stopped after `stop`.
  demo_answer call(std::string_view method, std::string_view target, const demo_headers& headers,
                   std::string body = {}, std::chrono::milliseconds patience = std::chrono::seconds{30});

  /// Sleeps, unless it is told to stop: then it throws demo_stopped.
  void sleep(std::chrono::milliseconds time);

  /// Ends what is being waited for, now and later. From any thread.
  void stop();

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::playground
