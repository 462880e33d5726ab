#pragma once

#include "actors/interfaces.hpp"
#include "actors/replica.hpp"
#include "actors/serial.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::actors {

/// The place of one shard's replica on this node, through which everybody reaches it. Whoever brings it news runs it on
/// the spot: accounts their rows, the writer what it has committed, links what peers say. So a row's way over two nodes
/// wakes no thread for the replicas themselves. Thread-safe.
class replica_seat : public std::enable_shared_from_this<replica_seat> {
public:
  /// Reads the replica from the disk.
  static std::shared_ptr<replica_seat> make(services_ptr node, replica_neighbours around);

  /// As `row_sink` of the shard.
  void take_row(proposed_row row);
  /// What that node's replica says (`replication/message_codec.hpp`).
  void heard(std::string from, std::string bytes);
  /// How the oldest write fared.
  void written(storage::batch_result fared);

  /// Does something with the replica when its turn comes: now, unless another thread is at it.
  void run(std::function<void(replica_state&)> what);

  /// Its actor, before anything else is asked of it; and its end, after which nothing is done any more.
  void attach(replica_actor front);
  void detach();

private:
  replica_seat() = default;

  services_ptr node_;
  serial turns_;
  std::unique_ptr<replica_state> replica_; ///< null after its end
};

/// Its actor.
struct replica_front {
  explicit replica_front(replica_actor::pointer actor) : self{actor} {}
  ~replica_front();

  void close_accounts(std::int64_t handover);

  replica_actor::pointer self;
  std::shared_ptr<replica_seat> seat;
  directory_actor directory;
  domain::shard_id shard{};
  std::vector<caf::typed_response_promise<bool>> leave_asked;
  std::vector<caf::typed_response_promise<shard_lag_ptr>> lag_asked;

  static inline const char* name = "replica";
};

replica_actor::behavior_type replica(replica_actor::stateful_pointer<replica_front> self,
                                     std::shared_ptr<replica_seat> seat, domain::shard_id shard,
                                     directory_actor directory);

} // namespace carillon::actors
