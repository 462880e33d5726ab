#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// What two nodes say to each other between the TLS handshake and the first byte of the tunnel. Pure.
///
/// The node that connects sends `hello`; the other answers with its own or with `refusal`; the first ends with
/// `welcome` or `refusal`. A frame is "CRLK", a kind, and the length of what follows in two bytes (big endian),
/// at most `link_frame_limit`. Texts are visible ASCII. What a later version appends to a frame is skipped.
namespace carillon::net {

/// Bytes of a frame before its payload.
inline constexpr std::size_t link_frame_header = 7;
/// Bytes of a payload: the longest texts and some room for later versions.
inline constexpr std::size_t link_frame_limit = 1'024;
/// Characters of a cluster's name, a node's id, a host (RFC 1035) and a reason.
inline constexpr std::size_t link_cluster_limit = 64, link_node_limit = 64, link_host_limit = 255,
                             link_reason_limit = 200;

/// What a node says of itself.
struct link_hello {
  std::string cluster; ///< `cluster.name`
  std::string node;    ///< the UUID of its store
  std::string host;    ///< of its `cluster.advertise`; its certificate bears it
  std::uint32_t oldest_version = 1, newest_version = 1; ///< of the protocol between nodes, both included
  bool operator==(const link_hello&) const = default;
};

/// Why a node wants no link. The numbers go over the wire.
enum class link_refusal_code : std::uint8_t {
  protocol = 1, ///< what came was no hello
  cluster = 2,  ///< of another cluster
  version = 3,  ///< no version in common
  identity = 4, ///< not the node it should be
  busy = 5,     ///< too many links
};

struct link_refusal {
  link_refusal_code code{};
  std::string reason; ///< one line for people
  bool operator==(const link_refusal&) const = default;
};

/// The last word of the node that connected.
struct link_welcome {
  bool operator==(const link_welcome&) const = default;
};

using link_frame = std::variant<link_hello, link_welcome, link_refusal>;

/// A whole frame. Texts over their limits are cut.
std::string encode(const link_frame& frame);

/// How many bytes follow these `link_frame_header` bytes; nothing when they begin no frame of ours.
std::optional<std::size_t> payload_size(std::string_view header);

/// Reads header and payload; nothing when they make no sense.
std::optional<link_frame> decode(std::string_view frame);

/// The version to speak, or why this peer is refused. `wanted`: the node that should answer; empty when any
/// may.
std::variant<std::uint32_t, link_refusal> judge(const link_hello& self, const link_hello& peer,
                                                std::string_view wanted);

} // namespace carillon::net
