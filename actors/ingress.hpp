#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"

#include <caf/fwd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace carillon::actors {

/// Brings requests to their accounts and answers back. Remembers where accounts live; holds the admission
/// credit: what waits for commit is bounded in bytes, for the node and for each account, and what is over is
/// refused at once.
///
/// Thread-safe: it runs on the thread of who asks, and with the answer on that of who gives it. So a request costs
/// its account's actor one message, which others of the account share, and nobody else any.
class ingress final : public request_sender, public std::enable_shared_from_this<ingress> {
public:
  explicit ingress(services_ptr node) : node_{std::move(node)} {}

  /// Before the first request. The clerk, to be ended by the caller, keeps this ingress alive.
  ingress_clerk_actor open(caf::actor_system& system, directory_actor where);

  /// Each is answered once: by its account; here, when there is no room for it or no such account; or here, though it
  /// may still happen, when its time is up.
  void take(ask_list list);

  void answered(const ask_ptr& by, account::reply reply) override;
  void came_back(ask_ptr unread) override;

  // --- for its clerk ---

  void found(domain::account_id account, const account_actor& at, ask_list waiting);
  void gone(domain::account_id account, const caf::actor_addr& who);
  /// Answers whoever has waited too long. False: nobody waits.
  bool check_deadlines();

private:
  /// Counts it; or why there is no room. Under the lock.
  std::optional<account::request_error> admit(const ask_ptr& one);
  void bring(const account_actor& to, ask_list list);

  const services_ptr node_;
  ingress_clerk_actor clerk_;
  std::mutex guard_;
  std::unordered_map<std::uint64_t, account_actor> known_;
  std::unordered_map<std::uint64_t, std::size_t> waiting_; ///< bytes of an account's requests under way
  std::size_t waiting_total_ = 0;
  /// Of requests under way; entries of others lapse.
  std::multimap<domain::boot_time, std::weak_ptr<ask>> deadlines_;
};

} // namespace carillon::actors
