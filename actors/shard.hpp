#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <map>
#include <vector>

namespace carillon::actors {

/// One shard's log on this node. Its replica set is the node itself.
struct shard_state {
  explicit shard_state(shard_actor::pointer actor) : self{actor} {}

  /// Reads where the log stands and which accounts have rows that no checkpoint holds.
  void start(services_ptr services, domain::shard_id number, row_sink_actor to);

  caf::result<commit_receipt> propose(domain::batch b);
  caf::result<std::uint64_t> reserve();
  shard_tail tail_of(domain::account_id account) const;
  caf::result<std::uint64_t> mark();

  void send_row();
  void row_done(const storage::row_result& result);
  void row_lost(const caf::error& why);

  /// The seq from which a start must replay: nothing before it is missing in any checkpoint.
  std::uint64_t replay_from() const;

  shard_actor::pointer self;
  services_ptr node;
  domain::shard_id shard{};
  row_sink_actor write;

  std::uint64_t next_seq = 1;
  std::uint64_t written_mark = 1;
  std::map<std::uint64_t, std::uint64_t> unsaved; ///< account → first row that its checkpoint doesn't hold

  struct proposal {
    domain::batch what;
    caf::typed_response_promise<commit_receipt> answer;
  };
  std::vector<proposal> gathering;  ///< the next row
  std::vector<proposal> committing; ///< the row in flight; its batches were moved out

  std::uint64_t next_id = 1, reserved_ids = 1; ///< subscription counters below the second are durably taken

  static inline const char* name = "shard";
};

shard_actor::behavior_type shard(shard_actor::stateful_pointer<shard_state> self, services_ptr node,
                                 domain::shard_id number, row_sink_actor write);

} // namespace carillon::actors
