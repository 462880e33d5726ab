#include "net/link_hello.hpp"

#include "domain/byte_codec.hpp"

#include <algorithm>

namespace carillon::net {

namespace {

constexpr std::string_view magic = "CRLK";

enum class frame_kind : std::uint8_t { hello = 1, welcome = 2, refusal = 3 };

/// Peers' texts reach logs: no control characters, no encodings to get wrong.
bool visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool name(std::string_view text, std::size_t limit) {
  return !text.empty() && text.size() <= limit && visible(text);
}

frame_kind write_payload(domain::byte_writer out, const link_hello& hello) {
  out.number(hello.oldest_version);
  out.number(hello.newest_version);
  out.text(std::string_view{hello.cluster}.substr(0, link_cluster_limit));
  out.text(std::string_view{hello.node}.substr(0, link_node_limit));
  out.text(std::string_view{hello.host}.substr(0, link_host_limit));
  return frame_kind::hello;
}

frame_kind write_payload(domain::byte_writer, const link_welcome&) { return frame_kind::welcome; }

frame_kind write_payload(domain::byte_writer out, const link_refusal& refusal) {
  out.u8(static_cast<std::uint8_t>(refusal.code));
  out.text(std::string_view{refusal.reason}.substr(0, link_reason_limit));
  return frame_kind::refusal;
}

std::optional<link_frame> read_hello(domain::byte_reader in) {
  link_hello hello;
  const auto oldest = in.number(), newest = in.number();
  hello.cluster = in.text();
  hello.node = in.text();
  hello.host = in.text();
  if (!in.ok() || oldest > newest || newest > UINT32_MAX || !name(hello.cluster, link_cluster_limit) ||
      !name(hello.node, link_node_limit) || !name(hello.host, link_host_limit))
    return std::nullopt;
  hello.oldest_version = static_cast<std::uint32_t>(oldest);
  hello.newest_version = static_cast<std::uint32_t>(newest);
  return hello;
}

std::optional<link_frame> read_refusal(domain::byte_reader in) {
  link_refusal refusal;
  refusal.code = static_cast<link_refusal_code>(in.u8());
  refusal.reason = in.text();
  if (!in.ok() || refusal.reason.size() > link_reason_limit || !visible(refusal.reason))
    return std::nullopt;
  // A later version may know more codes; what they mean is in the reason.
  if (refusal.code < link_refusal_code::protocol || refusal.code > link_refusal_code::busy)
    refusal.code = link_refusal_code::protocol;
  return refusal;
}

std::string range(const link_hello& of) {
  return std::to_string(of.oldest_version) + " to " + std::to_string(of.newest_version);
}

} // namespace

std::string encode(const link_frame& frame) {
  std::string payload;
  const auto kind =
      std::visit([&payload](const auto& one) { return write_payload(domain::byte_writer{payload}, one); }, frame);
  std::string out{magic};
  out.push_back(static_cast<char>(kind));
  out.push_back(static_cast<char>(payload.size() >> 8));
  out.push_back(static_cast<char>(payload.size() & 0xFF));
  return out + payload;
}

std::optional<std::size_t> payload_size(std::string_view header) {
  if (header.size() < link_frame_header || !header.starts_with(magic))
    return std::nullopt;
  const std::size_t size = std::size_t{static_cast<std::uint8_t>(header[5])} << 8 | static_cast<std::uint8_t>(header[6]);
  return size <= link_frame_limit ? std::optional{size} : std::nullopt;
}

std::optional<link_frame> decode(std::string_view frame) {
  const auto size = payload_size(frame);
  if (!size || frame.size() != link_frame_header + *size)
    return std::nullopt;
  const domain::byte_reader payload{frame.substr(link_frame_header)};
  switch (static_cast<frame_kind>(frame[4])) {
  case frame_kind::hello:
    return read_hello(payload);
  case frame_kind::welcome:
    return link_welcome{};
  case frame_kind::refusal:
    return read_refusal(payload);
  }
  return std::nullopt;
}

std::variant<std::uint32_t, link_refusal> judge(const link_hello& self, const link_hello& peer,
                                                std::string_view wanted) {
  if (peer.cluster != self.cluster)
    return link_refusal{link_refusal_code::cluster,
                        "node " + peer.node + " is of cluster \"" + peer.cluster + "\", not \"" + self.cluster + "\""};
  if (peer.node == self.node)
    return link_refusal{link_refusal_code::identity, "node " + self.node + " reached itself, or a copy of its store"};
  if (!wanted.empty() && peer.node != wanted)
    return link_refusal{link_refusal_code::identity,
                        "node " + peer.node + " answered instead of " + std::string{wanted}};
  const auto newest = std::min(self.newest_version, peer.newest_version);
  if (newest < std::max(self.oldest_version, peer.oldest_version))
    return link_refusal{link_refusal_code::version, "node " + peer.node + " speaks versions " + range(peer) +
                                                        ", node " + self.node + " speaks " + range(self)};
  return newest;
}

} // namespace carillon::net
