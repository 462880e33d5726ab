#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::net {

/// Asks the system what addresses a host has: the hosts file, search domains, whatever it is set up to ask.
///
/// The system's call can't be called off, and may take half a minute when no name server answers. So each host
/// that is being asked for has a thread of its own, which nobody waits for: neither another host's answer nor
/// the end of this object. There are never more than there are hosts asked for.
///
/// All calls on the context's thread, or when it doesn't run; goes before the context.
class host_lookup {
public:
  /// No addresses: there is no such host, or nobody can say. Called on the context's thread.
  using callback = std::function<void(const std::vector<boost::asio::ip::address>&)>;

  explicit host_lookup(boost::asio::io_context& context);
  ~host_lookup();
  host_lookup(const host_lookup&) = delete;
  host_lookup& operator=(const host_lookup&) = delete;

  /// Calls `done` once, later; not when this object ends first.
  void ask(const std::string& host, callback done);

private:
  struct waiting;
  std::shared_ptr<waiting> waiting_;
};

} // namespace carillon::net
