#pragma once

#include "actors/interfaces.hpp"
#include "actors/services.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace carillon::actors {

/// Takes the rows of a shard, and tells their `done` when they are durable wherever they must be: the WRITER of a node
/// alone, a replica in a cluster. Thread-safe.
using row_sink = std::function<void(proposed_row)>;

row_sink into(writer_actor writer);

/// Hears how a batch fared, once, on the writer's thread: must neither block nor throw.
using receipt_sink = std::function<void(const commit_receipt&)>;

/// The order of one shard's batches, and the one place where it is decided that a batch is committed: by the
/// writer of a node alone, or by the shard's replica in a cluster.
///
/// Thread-safe. Accounts hand in their batches here and hear of them from the writer's thread, so a commit
/// costs an account one message. One row is in flight; the next gathers meanwhile.
class shard_log : public std::enable_shared_from_this<shard_log> {
public:
  shard_log(services_ptr node, domain::shard_id shard, row_sink to);

  /// Reads where the log stands and which accounts have rows that no checkpoint holds. Before anything else.
  void open();

  /// Orders this batch and makes it durable.
  void propose(domain::batch b, receipt_sink done);

  /// The first row that the account's checkpoint doesn't hold; 0: there is none.
  std::uint64_t tail_of(domain::account_id account) const;
  /// The accounts that have such rows.
  std::vector<std::uint64_t> unsaved() const;
  /// The seq from which a start must replay: nothing before it is missing in any checkpoint.
  std::uint64_t replay_from() const;

private:
  struct proposal {
    domain::batch what;
    receipt_sink done;
  };
  /// What is still to be known of a batch whose bytes went to the writer.
  struct ordered {
    domain::account_id account{};
    bool logged = false, checkpoint = false;
    receipt_sink done;
  };

  /// The row of all that has gathered. Under the lock.
  storage::log_row next_row();
  void send(storage::log_row row);
  void row_done(const storage::row_result& result);

  const services_ptr node_;
  const domain::shard_id shard_;
  const row_sink write_;
  mutable std::mutex guard_;
  std::uint64_t next_seq_ = 1;
  std::map<std::uint64_t, std::uint64_t> unsaved_; ///< account → first row that its checkpoint doesn't hold
  std::vector<proposal> gathering_;                ///< the next row
  std::vector<ordered> committing_;                ///< the row in flight
};

} // namespace carillon::actors
