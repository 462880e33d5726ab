#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::net {

/// What an operator says about where POSTs may go; the keys `egress.*`.
struct egress_settings {
  std::vector<std::string> allow{};            ///< CIDRs exempt from the default deny
  std::vector<std::string> deny{};             ///< CIDRs that win over all
  std::vector<std::uint16_t> ports{443, 8443};  ///< empty: any
  bool allow_insecure_ssl = true;
  /// Addresses of this node that its interfaces don't show, e.g. the public one of its listeners behind a NAT.
  std::vector<std::string> own_addresses{};
};

/// An address range in CIDR notation. Ranges of IPv4-mapped IPv6 addresses are held as IPv4.
struct address_range {
  boost::asio::ip::address network;
  unsigned prefix = 0; ///< bits

  /// Reads "10.0.0.0/8", "fd00::/8" or a single address; nothing for other texts, also when bits beyond the prefix
  /// are set (10.1.0.0/8 is more likely an error than meant).
  static std::optional<address_range> parse(std::string_view text);

  /// `address` must not be IPv4-mapped.
  bool contains(const boost::asio::ip::address& address) const;
};

/// `address`, or the IPv4 address that an IPv4-mapped IPv6 address stands for.
boost::asio::ip::address unmapped(const boost::asio::ip::address& address);

/// Decides where POSTs may go: by address only, never by name, because a name can come to mean another address.
/// Public unicast addresses are allowed; everything that the IANA registries of special-purpose addresses list,
/// multicast, and this node's own addresses are not. Immutable, so safe to share between threads.
class egress_policy {
public:
  /// Throws std::invalid_argument naming the key and value that is no CIDR or address. The node's own addresses are
  /// read from its interfaces here, once.
  explicit egress_policy(const egress_settings& settings);

  /// Why no POST may go to this address, as one line for people; nothing if it may.
  std::optional<std::string> judge(const boost::asio::ip::address& address) const;

  /// Like `judge` for all addresses of a name: one refused address refuses the name.
  std::optional<std::string> judge(const std::vector<boost::asio::ip::address>& addresses) const;

  /// Why no POST may go to this port; nothing if it may.
  std::optional<std::string> judge_port(std::uint16_t port) const;

  /// Whether `insecure_ssl` of a subscription counts; if not, certificates are verified all the same.
  bool allow_insecure_ssl() const noexcept { return allow_insecure_ssl_; }

private:
  std::vector<address_range> allow_;
  std::vector<address_range> deny_;
  std::vector<boost::asio::ip::address> own_; ///< unmapped
  std::vector<std::uint16_t> ports_;
  bool allow_insecure_ssl_;
};

} // namespace carillon::net
