#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"
#include "storage/group_commit.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <optional>
#include <vector>

namespace carillon::actors {

/// Gathers rows until its mailbox turns to the commit message that the first of them sent, then commits them
/// all. So a group is what came in while the last commit was at work.
struct writer_state {
  explicit writer_state(writer_actor::pointer actor) : self{actor} {}
  void start(services_ptr services);

  void add(proposed_row row);
  void commit();

  writer_actor::pointer self;
  services_ptr node;
  std::optional<storage::group_commit> log;
  std::vector<storage::log_row> rows;                                  ///< of the next commit
  std::vector<std::function<void(const storage::row_result&)>> waiting; ///< one a row

  static inline const char* name = "writer";
};

/// To be spawned detached: commits block.
writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self, services_ptr node);

} // namespace carillon::actors
