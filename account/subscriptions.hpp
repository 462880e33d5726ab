#pragma once

#include "account/waiting_queue.hpp"
#include "domain/event.hpp"
#include "domain/matching.hpp"
#include "domain/subscription.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace carillon::account {

/// One subscription with what waits for it.
struct subscription_state {
  domain::subscription now;      ///< current revision and holding
  domain::compiled_ptr compiled; ///< of the current revision
  std::string origin;            ///< "https://host:port" of the target: what slots per origin count
  waiting_queue waiting;
  std::uint32_t in_flight = 0;
  domain::boot_time hold_until{}; ///< from a Retry-After
  domain::boot_time last_claim{}; ///< what the probe interval counts from
  bool erased = false;            ///< deleted; kept while something of it is in flight

  std::vector<domain::notification_number> waiting_numbers() const;
};

/// An account's subscriptions, with an index by entity and action so that an event meets only its candidates.
class subscription_table {
public:
  /// Adds or replaces by id; what waits stays. Compiles; throws std::invalid_argument when it can't be.
  subscription_state& put(domain::subscription s);
  /// Takes it out of index and lists.
  void erase(domain::subscription_id id);
  /// Not erased ones only.
  subscription_state* find(domain::subscription_id id);
  const subscription_state* find(domain::subscription_id id) const;
  /// Also erased ones that still have something in flight.
  subscription_state* find_any(domain::subscription_id id);

  /// Those that may match (entity, one of the actions), each once, in order of creation.
  std::vector<subscription_state*> candidates(const domain::event& e) const;

  /// In order of creation.
  const std::map<std::uint64_t, std::unique_ptr<subscription_state>>& all() const { return all_; }

  /// Those that count against the account's limit: not erased, not softly deleted.
  std::uint32_t counted() const;

private:
  void reindex();

  std::map<std::uint64_t, std::unique_ptr<subscription_state>> all_;
  std::array<std::vector<subscription_state*>, domain::entity_count * domain::action_count> index_;
};

/// The origin of a checked https URL: scheme, host and port, lower case.
std::string origin_of(std::string_view url);

} // namespace carillon::account
