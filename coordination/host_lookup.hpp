#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// Internal to the etcd store: the addresses of a name, from the system.
namespace carillon::coordination {

/// Asks on a thread of its own that nobody waits for: the system's resolver answers when its name servers do,
/// which may be minutes, and can't be stopped. Asio's would hold up the end of its loop for as long.
class host_lookup {
public:
  using answer = std::function<void(std::vector<boost::asio::ip::tcp::endpoint> found)>;

  explicit host_lookup(boost::asio::io_context& io);
  /// `done` is not called any more; the thread, if there is one, ends when the system has answered.
  ~host_lookup();
  host_lookup(const host_lookup&) = delete;
  host_lookup& operator=(const host_lookup&) = delete;

  /// Calls `done` from the loop, with nothing when the name has no address or nobody knows. One question at a
  /// time. Asking doesn't keep the loop running.
  void ask(std::string host, std::string port, answer done);

private:
  struct asked;
  std::shared_ptr<asked> asked_;
};

} // namespace carillon::coordination
