#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"
#include "actors/shard_log.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace carillon::actors {

/// Façade of one shard's log: for those who come seldom, and for what lies beside the log (subscription ids,
/// the mark). Accounts hand their batches to the log itself.
struct shard_state {
  explicit shard_state(shard_actor::pointer actor) : self{actor} {}

  void start(services_ptr services, domain::shard_id number, writer_actor writer, row_sink to);

  caf::result<commit_receipt> propose(domain::batch b);
  void proposed(std::uint64_t which, const commit_receipt& receipt);
  caf::result<std::uint64_t> reserve();
  caf::result<std::uint64_t> mark();

  shard_actor::pointer self;
  services_ptr node;
  domain::shard_id shard{};
  writer_actor write;
  std::shared_ptr<shard_log> log;

  std::uint64_t last_proposal = 0;
  std::unordered_map<std::uint64_t, caf::typed_response_promise<commit_receipt>> proposals; ///< under way
  std::uint64_t written_mark = 1;
  std::uint64_t next_id = 1, reserved_ids = 1; ///< subscription counters below the second are durably taken

  static inline const char* name = "shard";
};

/// `to`: where the shard's rows go.
shard_actor::behavior_type shard(shard_actor::stateful_pointer<shard_state> self, services_ptr node,
                                 domain::shard_id number, writer_actor writer, row_sink to);

} // namespace carillon::actors
