#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"
#include "storage/catalog.hpp"
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

/// Walks round and round over the shards and the catalog, a bounded step at a time: writes marks, erases what is
/// past retention and what deleted accounts left. In a cluster each node does so for the shards that it serves, and
/// whoever serves the catalog forgets an account once the node that serves its shard has erased it.
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
  void next_account();
  void erase(const storage::account_profile& profile);
  void forget_if_erased(const storage::account_profile& profile);
  void forget(const storage::account_profile& profile);
  void done_with_account();
  void end_of_catalog();

  sweeper_actor::pointer self;
  services_ptr node;
  std::vector<shard_actor> shards;
  shard_actor system;
  directory_actor directory; ///< wakes the account of a deletion that is not done
  std::size_t shard = 0;     ///< where the walk stands; behind the last one: the catalog
  std::size_t kind = 0;      ///< index of the table
  bool erased_some = false;  ///< in this round
  std::uint64_t marked = 0;  ///< the current shard's mark
  std::string cursor;        ///< the next key to look at; in the catalog, the name of the last account that is done
  std::vector<storage::account_profile> page; ///< accounts of the catalog, the next one last
  std::chrono::nanoseconds rest{std::chrono::milliseconds{10}}; ///< before the next step
  std::map<std::string_view, std::uint64_t>
      states; ///< accounts by state, as far as this walk over the catalog got

  static inline const char* name = "sweeper";
};

sweeper_actor::behavior_type sweeper(sweeper_actor::stateful_pointer<sweeper_state> self, services_ptr node,
                                     std::vector<shard_actor> shards, shard_actor system,
                                     directory_actor where);

} // namespace carillon::actors
