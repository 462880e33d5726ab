#pragma once

#include "net/http_message.hpp"

#include <boost/asio/ip/address.hpp>

#include <string>
#include <vector>

namespace carillon::net {

/// The proxies whose word about the client's address counts (`http.trusted-proxies`).
class trusted_proxies {
public:
  /// Parses CIDRs ("10.0.0.0/8", "fd00::/8") and single addresses; throws std::runtime_error naming a bad
  /// one.
  explicit trusted_proxies(const std::vector<std::string>& cidrs);

  /// Whether no proxy is trusted: the peer is the client, whatever the fields say.
  bool none() const noexcept { return networks_.empty(); }

  bool trusts(const boost::asio::ip::address& address) const noexcept;

  /// The client's address as text. When `peer` is a trusted proxy this is the rightmost address of
  /// `X-Forwarded-For` that isn't one (whatever stands left of it, the client may have made up); else `peer`.
  std::string client_address(const boost::asio::ip::address& peer, const http_fields& fields) const;

private:
  struct network {
    boost::asio::ip::address_v6 prefix; ///< IPv4 as ::ffff:a.b.c.d
    unsigned bits = 0;                  ///< 0 to 128
  };
  std::vector<network> networks_;
};

} // namespace carillon::net
