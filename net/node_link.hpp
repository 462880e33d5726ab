#pragma once

#include "net/descriptor.hpp"
#include "net/link_hello.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace carillon::net {

/// What a node's links are made with. The certificate must be good for both sides of TLS, be signed by the
/// cluster's own CA, and name the host of `cluster.advertise` (no wildcard): that name is the node's.
struct node_link_settings {
  link_hello self;                     ///< what this node says of itself
  std::string listen;                  ///< `cluster.listen`: "10.0.0.1:7946", "[::]:7946"; port 0 picks a free one
  std::string certificate, key, ca;    ///< PEM files; nothing but `ca` is trusted
  std::chrono::milliseconds connect_timeout{2'000};   ///< name and TCP, until the peer's host answers
  std::chrono::milliseconds handshake_timeout{5'000}; ///< TLS and hello together, on both sides
  /// A link from whose peer nothing comes for so long is closed. Actor systems talk at least every heartbeat;
  /// this is what is left when even they don't notice.
  std::chrono::milliseconds silence{10'000};
  std::size_t max_links = 128;    ///< links that others opened, in use; the largest cluster has a handful
  std::size_t max_strangers = 64; ///< connections that didn't show who they are yet; over it the oldest goes
};

/// Why there is no link.
enum class link_error : std::uint8_t {
  unreachable, ///< no such host, nobody listens, no answer in time
  broken,      ///< the connection ended, or was silent, before the link stood
  certificate, ///< one side doesn't trust the other's certificate, or it names another host
  protocol,    ///< what came is no hello
  cluster,     ///< the node is of another cluster
  version,     ///< no protocol version that both speak
  identity,    ///< another node answers there, or it doesn't expect this one (yet)
  busy,        ///< it has too many links
  stopped,     ///< this node's links were stopped, or the link was closed meanwhile
};

std::string_view to_string(link_error what);

struct link_failure {
  link_error error{};
  std::string detail; ///< one line for people; says which side refused

  /// May pass by itself within seconds. What doesn't needs an operator: ask again, but seldom.
  bool retryable() const;
};

/// A link that stands. What is written to `tunnel` comes out of the peer's `tunnel`, and the other way round;
/// the end of either is the end of both. Nothing else can reach these sockets: they are pairs, not ports. Beside the
/// tunnel the link carries messages (`node_links::post`).
struct node_link {
  std::uint64_t id = 0; ///< of this node's links; never given twice in a process
  link_hello peer;      ///< as its certificate confirms
  std::uint32_t version = 0; ///< the newest that both speak
  descriptor tunnel;    ///< a connected stream socket
};

/// What a node's links tell their owner and ask of it. Called on the links' thread: must not block, nor stop
/// the links.
struct node_link_events {
  /// Whether a node with this id is known at this host, and may open a link to this one.
  std::function<bool(const link_hello& peer)> expected;
  /// A peer opened a link to this node.
  std::function<void(node_link)> accepted;
  /// A link that stood ended; the last call for it. Not called for links that `stop` ends.
  std::function<void(std::uint64_t id, std::string reason)> closed;
  /// A peer sent a message over a link that stands. May be empty: then messages are dropped.
  std::function<void(const std::string& node, std::uint64_t id, std::string message)> received{};
};

/// A node's links to its peers: mutual TLS 1.3 where both sides prove by the cluster's CA who they are, then
/// say cluster, node and protocol versions, and from then on carry a tunnel's bytes, of which each direction holds at
/// most `link_buffer` beside the kernel's socket buffers: who reads slowly slows the writer; and messages, of which as
/// many wait as `link_outbox` has room for.
///
/// One thread of its own. All calls are thread-safe and return at once, but for the constructor and `stop`. The process
/// must ignore SIGPIPE.
class node_links {
public:
  /// Bytes that one direction of a link holds: four TLS records.
  static constexpr std::size_t link_buffer = 64 * 1024;

  using connect_callback = std::function<void(std::variant<node_link, link_failure>)>;

  /// Reads the files and binds the listener; throws std::runtime_error naming the key or address that can't
  /// be used.
  explicit node_links(node_link_settings settings);
  ~node_links();
  node_links(const node_links&) = delete;
  node_links& operator=(const node_links&) = delete;

  /// Starts to accept and to connect. Once.
  void start(node_link_events events);

  /// The address really bound: "127.0.0.1:40123".
  std::string address() const;

  /// Opens a link to the node with this id at "host:port" (its `cluster.advertise`). `done` is called once, on
  /// the links' thread. One attempt: when and whether to try again is the caller's business. Returns the id
  /// that the link will have.
  std::uint64_t connect(std::string address, std::string node, connect_callback done);

  /// Ends a link, or the attempt to open it, at once; what it still held is lost. Nothing happens when there
  /// is none with this id.
  void close(std::uint64_t id);

  /// Sends a message (of at most `link_message_limit` bytes) beside the tunnel. Messages of one link arrive whole and in
  /// their order, or, when the link ends, not at all. False when there is no such link, or no room.
  bool post(std::uint64_t id, std::string message);

  /// Whether that link stands, something came over it within that time, and what is sent over it arrives, as far as TCP
  /// can tell. A link stands for seconds after either stopped.
  bool goes_both_ways(std::uint64_t id, std::chrono::milliseconds within) const;

  /// Reads certificate, key and CA again, for new links. Throws, keeping the old, when they can't be used.
  void reload();

  /// Closes everything, joins, and forgets the events. Attempts under way end as `stopped`; later ones end nowhere.
  void stop();

  /// Links that stand.
  std::size_t open() const noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace carillon::net
