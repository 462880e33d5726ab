#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"
#include "storage/table_ops.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::actors {

/// Walks round and round over the shards, a bounded step at a time: writes marks, erases what is past
/// retention and what deleted accounts left.
struct sweeper_state {
  explicit sweeper_state(sweeper_actor::pointer actor) : self{actor} {}
  void start(services_ptr services, std::vector<shard_actor> shards, shard_actor system,
             directory_actor where);

  void serve(domain::shard_id which, shard_actor by);
  void step();
  void sweep();
  void next_step();
  void commit(const shard_actor& to, std::vector<domain::table_write> writes);
  storage::erase_plan expired(domain::shard_id number) const;
  storage::erase_plan of_deleted();

  sweeper_actor::pointer self;
  services_ptr node;
  std::vector<shard_actor> shards;
  shard_actor system;
  directory_actor directory; ///< wakes the account of a deletion that is not done
  std::size_t shard = 0;     ///< where the walk stands
  std::size_t kind = 0;      ///< index of the table; behind the last one: deleted accounts
  std::uint64_t marked = 0;  ///< the current shard's mark
  std::string cursor;        ///< the next key to look at
  std::chrono::nanoseconds rest{std::chrono::milliseconds{10}}; ///< before the next step
  std::map<std::string_view, std::uint64_t>
      states; ///< accounts by state, as far as this walk over the catalog got

  static inline const char* name = "sweeper";
};

sweeper_actor::behavior_type sweeper(sweeper_actor::stateful_pointer<sweeper_state> self, services_ptr node,
                                     std::vector<shard_actor> shards, shard_actor system,
                                     directory_actor where);

} // namespace carillon::actors
