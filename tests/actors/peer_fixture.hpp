#pragma once

#include "actors/peers.hpp"
#include "tests/actors/node_fixture.hpp"
#include "tests/unit/link_fixture.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

/// Nodes of a cluster as far as their links go: real actor systems with real sockets between them.
namespace peer_tests {

using namespace carillon;
using namespace carillon::actors;
using namespace std::chrono_literals;

/// What peers get to talk to in these tests.
using echo_actor = typed<caf::result<std::string>(std::string)>;

inline echo_actor::behavior_type echo(echo_actor::pointer) {
  return {[](std::string& text) { return std::move(text); }};
}

/// What a node's watcher heard, in words: "up b", "down b", "failed b".
struct heard {
  struct one {
    std::string what;
    std::uint64_t link = 0;
    caf::strong_actor_ptr entry;
    std::string reason;
    bool early = false; ///< down, while CAF still took the entry actor for alive
  };

  void add(one said) {
    const std::lock_guard lock{mutex};
    for (const auto& before : all)
      if (said.what.starts_with("down") && before.link == said.link && before.entry)
        said.early = !before.entry->get()->getf(caf::abstract_actor::is_terminated_flag);
    all.push_back(std::move(said));
    changed.notify_all();
  }

  /// The next of them.
  one next() {
    std::unique_lock lock{mutex};
    if (!changed.wait_for(lock, link_tests::patience, [&] { return taken < all.size(); }))
      return {"nothing", 0, {}, {}, false};
    return all[taken++];
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<one> all;
  std::size_t taken = 0;
};

inline peer_watcher_actor::behavior_type watcher(peer_watcher_actor::pointer, heard* to) {
  return {
      [to](peer_up_atom, const std::string& node, std::uint64_t link, const caf::strong_actor_ptr& entry) {
        to->add({"up " + node, link, entry, {}, false});
      },
      [to](peer_down_atom, const std::string& node, std::uint64_t link, const std::string& reason) {
        to->add({"down " + node, link, {}, reason, false});
      },
      [to](link_failed_atom, const std::string& node, const std::string& why, bool) {
        to->add({"failed " + node, 0, {}, why, false});
      },
  };
}

class live_node {
public:
  explicit live_node(const std::string& id, const std::string& listen = "127.0.0.1:0")
      : links{std::make_shared<net::node_links>(settings(id, listen))}, system{config_} {
    entry = system.spawn(echo);
    peers = spawn_peers(system, {links, id, caf::actor_cast<caf::strong_actor_ptr>(entry), system.spawn(watcher, &says),
                                 [](const net::link_hello&) { return true; }});
  }

  ~live_node() {
    caf::anon_send_exit(peers, caf::exit_reason::user_shutdown);
    // CAF's registry refers to whatever was shown to a peer: it doesn't end by itself.
    caf::anon_send_exit(entry, caf::exit_reason::user_shutdown);
  }

  void dial(const std::string& node, const std::string& address) { caf::anon_send(peers, dial_atom_v, node, address); }

private:
  struct config : actor_tests::test_config {
    config() { add_peer_support(*this); }
  };

  net::node_link_settings settings(const std::string& id, const std::string& listen) const {
    net::node_link_settings out;
    out.self = link_tests::hello_of(id);
    out.listen = listen;
    out.certificate = certificate_.path();
    out.key = key_.path();
    out.ca = ca_.path();
    out.silence = 60s; // so that it is the heartbeat that notices
    return out;
  }

  tls_fixture::identity identity_ = link_tests::node_identity();
  tls_fixture::temporary_file certificate_{tls_fixture::to_pem(identity_)}, key_{link_tests::key_pem(identity_)},
      ca_{tls_fixture::to_pem(link_tests::cas().cluster)};
  config config_;

public:
  heard says;
  std::shared_ptr<net::node_links> links;
  caf::actor_system system;
  echo_actor entry;
  peers_actor peers;
};

/// Carries one TCP connection at a time to a node until told to let bytes vanish, both ways, with everything still
/// open: a network that swallows.
class swallowing_network {
public:
  explicit swallowing_network(std::string to) : to_{std::move(to)}, listener_{::socket(AF_INET, SOCK_STREAM, 0)} {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(listener_.get(), 8) != 0)
      throw std::runtime_error("cannot listen");
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    address = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    thread_ = std::thread{[this] { carry(); }};
  }

  ~swallowing_network() {
    stopping_ = true;
    thread_.join();
  }

  std::string address;
  std::atomic<bool> swallows{false};

private:
  void carry() {
    net::descriptor near, far;
    while (!stopping_) {
      pollfd ready[3] = {{listener_.get(), POLLIN, 0}, {near.get(), POLLIN, 0}, {far.get(), POLLIN, 0}};
      if (::poll(ready, 3, 10) <= 0)
        continue;
      if (ready[0].revents != 0) {
        near = net::descriptor{::accept(listener_.get(), nullptr, nullptr)};
        far = link_tests::tcp_to(to_);
        continue;
      }
      if ((ready[1].revents != 0 && !pass(near, far)) || (ready[2].revents != 0 && !pass(far, near))) {
        near.reset();
        far.reset();
      }
    }
  }

  bool pass(const net::descriptor& from, const net::descriptor& to) {
    char bytes[16384];
    const auto got = ::recv(from.get(), bytes, sizeof bytes, 0);
    if (got <= 0)
      return false;
    return swallows || link_tests::blocking{to.get()}.write({bytes, static_cast<std::size_t>(got)});
  }

  std::string to_;
  net::descriptor listener_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

} // namespace peer_tests
