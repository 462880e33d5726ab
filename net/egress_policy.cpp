#include "net/egress_policy.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <span>
#include <stdexcept>

namespace carillon::net {

namespace asio = boost::asio;
using asio::ip::address;
using asio::ip::address_v4;
using asio::ip::address_v6;

namespace {

struct special_range {
  std::string_view cidr;
  std::string_view what;
};

// The IANA IPv4 special-purpose registry, whole, with what it leaves out: multicast, the reserved rest, and the
// address at which one large cloud answers every guest.
constexpr std::array ipv4_special{
    special_range{"0.0.0.0/8", "\"this network\""},
    special_range{"10.0.0.0/8", "a private network"},
    special_range{"100.64.0.0/10", "shared address space"},
    special_range{"127.0.0.0/8", "loopback"},
    special_range{"168.63.129.16/32", "a cloud platform's own service"},
    special_range{"169.254.0.0/16", "link-local"},
    special_range{"172.16.0.0/12", "a private network"},
    special_range{"192.0.0.0/24", "IETF protocol assignments"},
    special_range{"192.0.2.0/24", "documentation"},
    special_range{"192.31.196.0/24", "AS112"},
    special_range{"192.52.193.0/24", "AMT"},
    special_range{"192.88.99.0/24", "the 6to4 relay"},
    special_range{"192.168.0.0/16", "a private network"},
    special_range{"192.175.48.0/24", "AS112"},
    special_range{"198.18.0.0/15", "benchmarking"},
    special_range{"198.51.100.0/24", "documentation"},
    special_range{"203.0.113.0/24", "documentation"},
    special_range{"224.0.0.0/4", "multicast"},
    special_range{"240.0.0.0/4", "reserved"},
};

// Outside 2000::/3 nothing is public, so that these exceptions within it suffice: the prefixes that the registry
// lists there, as wholes. What embeds an IPv4 address (6to4, Teredo) would lead around the IPv4 rules.
constexpr std::string_view ipv6_public = "2000::/3";
constexpr std::array ipv6_special{
    special_range{"2001::/23", "IETF protocol assignments (Teredo, ORCHID)"},
    special_range{"2001:db8::/32", "documentation"},
    special_range{"2002::/16", "6to4"},
    special_range{"2620:4f:8000::/48", "AS112"},
    special_range{"3fff::/20", "documentation"},
};

struct named_range {
  address_range range;
  std::string_view what;
};

std::vector<named_range> parse_table(std::span<const special_range> table) {
  std::vector<named_range> ranges;
  for (const auto& row : table)
    ranges.push_back({address_range::parse(row.cidr).value(), row.what});
  return ranges;
}

// An ISATAP interface identifier holds an IPv4 address: [0 or 2]00:5efe:a.b.c.d.
bool is_isatap(const address_v6::bytes_type& b) {
  return (b[8] & 0xfdU) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe;
}

std::optional<std::string_view> why_special(const address& a) {
  static const auto v4 = parse_table(ipv4_special);
  static const auto v6 = parse_table(ipv6_special);
  static const auto v6_public = address_range::parse(ipv6_public).value();
  if (a.is_v6()) {
    if (a.is_loopback())
      return "loopback";
    if (!v6_public.contains(a))
      return "not public unicast";
    if (is_isatap(a.to_v6().to_bytes()))
      return "ISATAP";
  }
  for (const auto& row : a.is_v4() ? v4 : v6)
    if (row.range.contains(a))
      return row.what;
  return std::nullopt;
}

std::vector<address> interface_addresses() {
  std::vector<address> found;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0)
    throw std::runtime_error("cannot read the addresses of this machine's interfaces");
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> guard{list, &freeifaddrs};
  for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr)
      continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      const auto* in = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
      found.emplace_back(address_v4{ntohl(in->sin_addr.s_addr)});
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      const auto* in = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
      address_v6::bytes_type bytes{};
      std::copy_n(in->sin6_addr.s6_addr, bytes.size(), bytes.begin());
      found.push_back(unmapped(address_v6{bytes}));
    }
  }
  return found;
}

std::vector<address_range> parse_ranges(const std::vector<std::string>& texts, const char* key) {
  std::vector<address_range> ranges;
  for (const auto& text : texts) {
    const auto range = address_range::parse(text);
    if (!range)
      throw std::invalid_argument(std::string{key} + ": \"" + text +
                                  "\" is not a CIDR such as 10.0.0.0/8 (bits beyond the prefix must be zero)");
    ranges.push_back(*range);
  }
  return ranges;
}

// The scope of a link-local address doesn't change what it is.
address without_scope(const address& a) {
  return a.is_v6() ? address{address_v6{a.to_v6().to_bytes()}} : a;
}

} // namespace

address unmapped(const address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, a.to_v6());
  return without_scope(a);
}

std::optional<address_range> address_range::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto head = text.substr(0, slash);
  if (head.find('%') != std::string_view::npos)
    return std::nullopt;
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(std::string{head}, error);
  if (error)
    return std::nullopt;
  const unsigned width = parsed.is_v4() ? 32 : 128;
  address_range range{parsed, width};
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), range.prefix);
    if (failure != std::errc{} || end != digits.data() + digits.size() || range.prefix > width)
      return std::nullopt;
  }
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped() && range.prefix >= 96)
    range = {unmapped(parsed), range.prefix - 96};
  // With the bits beyond the prefix cleared, the network must be the same.
  const auto cleared = [&](auto bytes) {
    for (std::size_t bit = range.prefix; bit < bytes.size() * 8; ++bit)
      bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] & ~(0x80U >> (bit % 8)));
    return bytes;
  };
  if (range.network.is_v4() ? cleared(range.network.to_v4().to_bytes()) != range.network.to_v4().to_bytes()
                            : cleared(range.network.to_v6().to_bytes()) != range.network.to_v6().to_bytes())
    return std::nullopt;
  return range;
}

bool address_range::contains(const address& a) const {
  if (a.is_v4() != network.is_v4())
    return false;
  const auto same_prefix = [this](const auto& left, const auto& right) {
    const std::size_t whole = prefix / 8;
    if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(whole), right.begin()))
      return false;
    const unsigned rest = prefix % 8;
    return rest == 0 || ((left[whole] ^ right[whole]) >> (8 - rest)) == 0;
  };
  return a.is_v4() ? same_prefix(a.to_v4().to_bytes(), network.to_v4().to_bytes())
                   : same_prefix(a.to_v6().to_bytes(), network.to_v6().to_bytes());
}

egress_policy::egress_policy(const egress_settings& settings)
    : allow_{parse_ranges(settings.allow, "egress.allow")}, deny_{parse_ranges(settings.deny, "egress.deny")},
      own_{interface_addresses()}, ports_{settings.ports}, allow_insecure_ssl_{settings.allow_insecure_ssl} {
  for (const auto& text : settings.own_addresses) {
    boost::system::error_code error;
    const auto parsed = asio::ip::make_address(text, error);
    if (error)
      throw std::invalid_argument("own address \"" + text + "\" is not an IP address");
    own_.push_back(unmapped(parsed));
  }
}

std::optional<std::string> egress_policy::judge(const address& given) const {
  const auto a = unmapped(given);
  const auto within = [&a](const address_range& range) { return range.contains(a); };
  const auto refuse = [&a](std::string_view why) { return a.to_string() + " is not allowed: " + std::string{why}; };
  if (std::any_of(deny_.begin(), deny_.end(), within))
    return refuse("denied by egress.deny");
  if (std::any_of(allow_.begin(), allow_.end(), within))
    return std::nullopt;
  if (const auto why = why_special(a))
    return refuse(*why);
  if (std::find(own_.begin(), own_.end(), a) != own_.end())
    return refuse("an address of this node");
  return std::nullopt;
}

std::optional<std::string> egress_policy::judge(const std::vector<address>& addresses) const {
  for (const auto& a : addresses)
    if (auto why = judge(a))
      return why;
  return std::nullopt;
}

std::optional<std::string> egress_policy::judge_port(std::uint16_t port) const {
  if (ports_.empty() || std::find(ports_.begin(), ports_.end(), port) != ports_.end())
    return std::nullopt;
  return "port " + std::to_string(port) + " is not allowed by egress.ports";
}

} // namespace carillon::net
