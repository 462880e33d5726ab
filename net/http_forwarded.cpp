#include "net/http_forwarded.hpp"

#include "net/egress_policy.hpp"

#include <charconv>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace carillon::net {

namespace {

namespace ip = boost::asio::ip;

ip::address_v6 as_v6(const ip::address& address) {
  return address.is_v6() ? address.to_v6() : ip::make_address_v6(ip::v4_mapped, address.to_v4());
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

bool is_forwarded_for(std::string_view name) noexcept {
  static constexpr std::string_view wanted = "x-forwarded-for";
  if (name.size() != wanted.size())
    return false;
  for (std::size_t i = 0; i < name.size(); ++i)
    if ((name[i] | 0x20) != wanted[i])
      return false;
  return true;
}

/// One hop of X-Forwarded-For: an address, or what some proxies write: "a.b.c.d:port", "[v6]:port".
std::optional<ip::address> parse_hop(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    text = text.substr(1, end == std::string_view::npos ? 0 : end - 1);
  } else if (const auto colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos)
    text = text.substr(0, colon);
  boost::system::error_code ec;
  const auto address = ip::make_address(text, ec);
  if (ec || (address.is_v6() && address.to_v6().scope_id() != 0))
    return std::nullopt;
  return unmapped(address);
}

} // namespace

trusted_proxies::trusted_proxies(const std::vector<std::string>& cidrs) {
  for (const auto& cidr : cidrs) {
    const std::string_view text{cidr};
    const auto slash = text.find('/');
    boost::system::error_code ec;
    const auto address = ip::make_address(text.substr(0, slash), ec);
    if (ec)
      throw std::runtime_error("\"" + cidr + "\" isn't an address range such as 10.0.0.0/8");
    const unsigned most = address.is_v4() ? 32 : 128;
    unsigned bits = most;
    if (slash != std::string_view::npos) {
      const auto* const last = text.data() + text.size();
      const auto [end, error] = std::from_chars(text.data() + slash + 1, last, bits);
      if (error != std::errc{} || end != last || bits > most)
        throw std::runtime_error("\"" + cidr + "\" isn't an address range such as 10.0.0.0/8");
    }
    networks_.push_back({as_v6(address), bits + (128 - most)});
  }
}

bool trusted_proxies::trusts(const ip::address& address) const noexcept {
  const auto bytes = as_v6(address).to_bytes();
  for (const auto& each : networks_) {
    const auto prefix = each.prefix.to_bytes();
    bool same = true;
    for (unsigned bit = 0; same && bit < each.bits; bit += 8) {
      const auto left = std::min(8u, each.bits - bit);
      const auto mask = static_cast<unsigned char>(0xff00u >> left);
      same = ((bytes[bit / 8] ^ prefix[bit / 8]) & mask) == 0;
    }
    if (same)
      return true;
  }
  return false;
}

std::string trusted_proxies::client_address(const ip::address& peer, const http_fields& fields) const {
  auto client = unmapped(peer);
  if (networks_.empty() || !trusts(client))
    return client.to_string();
  for (auto index = fields.size(); index-- > 0;) {
    auto [name, rest] = fields[index];
    if (!is_forwarded_for(name))
      continue;
    while (!rest.empty()) {
      const auto comma = rest.rfind(',');
      const auto hop = trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(0, comma);
      if (hop.empty())
        continue;
      const auto address = parse_hop(hop);
      // A trusted proxy that says "unknown" knows no more than its own address.
      if (!address)
        return client.to_string();
      client = *address;
      if (!trusts(client))
        return client.to_string();
    }
  }
  return client.to_string();
}

} // namespace carillon::net
