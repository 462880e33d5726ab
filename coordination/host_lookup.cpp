#include "coordination/host_lookup.hpp"

#include <boost/asio/post.hpp>

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace carillon::coordination {

namespace asio = boost::asio;

/// Shared by the one who asks and the thread, either of which may end first.
struct host_lookup::asked {
  std::mutex mutex;
  asio::io_context* io; ///< null when nobody wants to know any more
  answer done;          ///< of the loop's thread
};

namespace {

std::vector<asio::ip::tcp::endpoint> look_up(const std::string& host, const std::string& port) {
  asio::io_context own;
  asio::ip::tcp::resolver resolver{own};
  boost::system::error_code failed;
  std::vector<asio::ip::tcp::endpoint> out;
  for (const auto& each : resolver.resolve(host, port, failed))
    out.push_back(each.endpoint());
  return out;
}

} // namespace

host_lookup::host_lookup(asio::io_context& io) : asked_{std::make_shared<asked>()} {
  asked_->io = &io;
}

host_lookup::~host_lookup() {
  const std::lock_guard guard{asked_->mutex};
  asked_->io = nullptr;
  asked_->done = nullptr;
}

void host_lookup::ask(std::string host, std::string port, answer done) {
  asked_->done = std::move(done);
  const auto tell = [](const std::shared_ptr<asked>& of, std::vector<asio::ip::tcp::endpoint> found) {
    const std::lock_guard guard{of->mutex};
    if (of->io == nullptr)
      return;
    asio::post(*of->io, [of, found = std::move(found)]() mutable {
      if (const auto told = std::exchange(of->done, nullptr))
        told(std::move(found));
    });
  };
  try {
    std::thread{[of = asked_, host = std::move(host), port = std::move(port), tell] { tell(of, look_up(host, port)); }}
      .detach();
  } catch (const std::system_error&) { // no thread is to be had
    tell(asked_, {});
  }
}

} // namespace carillon::coordination
