#pragma once

#include "bench/etcd.hpp"
#include "bench/node.hpp"
#include "bench/openssl_tool.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace carillon::bench {

/// What a node says of its cluster.
struct cluster_look {
  struct shard {
    std::string primary;                        ///< a node's id
    std::map<std::string, std::string> members; ///< node → role
  };
  std::map<int, shard> shards;
  bool settled = false; ///< every shard has its members, and nothing is to move
  std::size_t nodes = 0;
};

/// Nodes of one cluster and their etcd, all on this machine. They end with it.
class cluster {
public:
  /// Starts etcd and so many nodes, and waits until nothing is to move any more. `settings.folder` is the
  /// cluster's; each node's is in it.
  cluster(node_settings settings, std::size_t size);

  std::size_t size() const noexcept { return members_.size(); }
  bool runs(std::size_t which) const { return members_[which].process != nullptr; }
  node& at(std::size_t which) { return *members_[which].process; }
  /// Those that run.
  std::vector<node*> running() const;
  /// The node's id: the UUID of its store.
  const std::string& id(std::size_t which) const { return members_[which].id; }

  /// One more node with an empty store, not started; its number.
  std::size_t add();
  /// Returns once it is ready.
  void start(std::size_t which);
  void kill(std::size_t which);
  /// SIGKILL for all: nothing of it is kept.
  void kill_all();

  /// As the first running node has it.
  cluster_look look() const;
  /// Until nothing is to move any more. Throws std::runtime_error when that takes too long.
  void wait_settled() const;

private:
  struct member {
    std::filesystem::path folder;
    std::string id, link;
    std::uint16_t port = 0; ///< of its HTTP, also after a restart; 0: any
    std::unique_ptr<node> process;
  };
  void launch(member& m) const;

  node_settings settings_;
  own_certificate certificate_;
  etcd configuration_;
  std::vector<member> members_;
};

} // namespace carillon::bench
