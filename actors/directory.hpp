#pragma once

#include "actors/catalog_writer.hpp"
#include "actors/delivery_desk.hpp"
#include "actors/error.hpp"
#include "actors/interfaces.hpp"
#include "actors/services.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace carillon::actors {

/// How accounts reach one delivery engine.
struct engine_access {
  delivery_actor actor;
  std::shared_ptr<job_desk> desk;
};

struct directory_neighbours {
  std::vector<shard_actor> shards; ///< by number; null: this node doesn't serve it
  shard_actor system;              ///< the catalog's; likewise
  std::vector<engine_access> engines;
};

/// Account → its actor. Spawns one on demand, lets it go when it has nothing to do, and never has two of one
/// account: while one is leaving, newcomers wait for its end.
struct directory_state {
  explicit directory_state(directory_actor::pointer actor) : self{actor} {}
  /// The accounts' actors end with their directory.
  ~directory_state();
  void start(services_ptr services, directory_neighbours neighbours);

  caf::result<account_actor> lookup(domain::account_id id);
  caf::result<catalog_reply_ptr> change(catalog_request_ptr r);
  bool retire(domain::account_id id);
  void stay(domain::account_id id);
  void gone(const caf::actor_addr& who);
  void awaken();
  void awaken_shard(domain::shard_id shard);
  void serve(domain::shard_id shard, shard_actor by, std::string had_before);
  void unserve(domain::shard_id shard);
  caf::result<bool> close(domain::shard_id shard);
  void open(domain::shard_id shard);
  caf::result<catalog_reply_ptr> release(bool send, const std::vector<std::string>& accounts);
  void reload();
  caf::result<bool> drain();
  template <class Question>
  caf::result<bool> ask_those(const std::function<bool(domain::account_id)>& which);
  ec why_none(domain::account_id id) const;

  void wake_more();
  void next_change();
  void changed(const catalog_request& what, const catalog_reply& outcome);
  account_actor* spawn(domain::account_id id);
  const engine_access& engine_of(domain::account_id id) const;
  settings_ptr settings_of(const storage::account_profile& profile) const;

  struct entry {
    account_actor actor;
    bool leaving = false;
    bool lost = false; ///< leaves because its shard did
    std::vector<caf::typed_response_promise<account_actor>> newcomers; ///< while it is leaving
  };
  struct queued_change {
    catalog_request_ptr what;
    caf::typed_response_promise<catalog_reply_ptr> answer;
  };

  directory_actor::pointer self;
  services_ptr node;
  directory_neighbours at;
  std::unordered_map<std::uint64_t, entry> live;
  std::unordered_map<caf::actor_id, std::uint64_t> by_actor;
  std::deque<queued_change> changes; ///< one is planned and committed at a time
  bool changing = false;
  std::deque<domain::account_id> to_wake;     ///< have something open and are not loaded yet
  std::size_t waking = 0;                     ///< of those the ones under way
  bool look_again = false;                  ///< for accounts that weren't known
  std::unordered_map<std::uint16_t, std::string> had_before; ///< by shard, the node that served it before this one
  std::unordered_set<std::uint16_t> closed; ///< shards that are about to be handed over

  static inline const char* name = "directory";
};

directory_actor::behavior_type directory(directory_actor::stateful_pointer<directory_state> self,
                                         services_ptr node, directory_neighbours at);

} // namespace carillon::actors
