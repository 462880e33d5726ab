#pragma once

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::net {

class event_loop;

struct dns_settings {
  std::string nameservers; ///< "host:port,…" instead of the system's; empty: the system's
  std::chrono::milliseconds try_timeout{1500};   ///< of the first try; the next ones wait longer
  int tries = 3;                                 ///< per name server
  std::chrono::milliseconds min_ttl{5'000};      ///< answers live at least so long, also with a TTL of 0
  std::chrono::milliseconds max_ttl{300'000};    ///< and at most so long
  std::chrono::milliseconds negative_ttl{2'000}; ///< failures live so long
  std::size_t max_entries = 10'000;              ///< names in the cache
};

/// What a name means: addresses in the order they should be tried, or why there are none.
struct dns_answer {
  std::vector<boost::asio::ip::address> addresses;
  std::string error; ///< one line for people; empty when there are addresses
};

/// Asks for any number of names at a time over one event loop, with a bounded cache; a name whose servers are
/// dead delays no other. Reads the hosts file too. A name is taken as it is: no search domains are tried. All
/// calls on the loop's thread only; the resolver goes before the loop, which must not run any more.
class dns_resolver {
public:
  using callback = std::function<void(const dns_answer&)>;

  /// Throws std::runtime_error when the name servers can't be set up.
  dns_resolver(event_loop& loop, dns_settings settings);
  ~dns_resolver();
  dns_resolver(const dns_resolver&) = delete;
  dns_resolver& operator=(const dns_resolver&) = delete;

  /// The answer, when it is cached; `done` is not called then. Otherwise null, and `done` is called later,
  /// once.
  std::shared_ptr<const dns_answer> resolve(const std::string& name, callback done);

  /// Forgets all answers and reads the system's configuration again; what is being asked goes on.
  void reload();

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::net
