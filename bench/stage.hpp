#pragma once

#include "bench/cluster.hpp"
#include "bench/figures.hpp"
#include "bench/generator.hpp"
#include "bench/ledger.hpp"
#include "bench/node.hpp"
#include "bench/playing.hpp"
#include "bench/sink.hpp"
#include "bench/tenants.hpp"
#include "playground/test_ca.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace carillon::bench {

/// How long things take.
struct pace {
  std::chrono::milliseconds warm_up{1000};  ///< before counting starts: connections, caches
  std::chrono::milliseconds measured{5000}; ///< counted
  std::chrono::seconds yardstick{2};        ///< of a run of wrk
  std::uint64_t million = 1'000'000;        ///< what the rows of a million of something take
};

struct stage_settings {
  std::filesystem::path program; ///< the executable `carillon`
  std::filesystem::path folder;  ///< empty or missing; removed at the end. On a disk: commits are synced
  std::vector<std::string> node_flags;
  pace how_long;
};

/// Both ends of one stretch of counting.
struct measurement {
  domain::boot_time from, to;
  std::uint64_t accepted = 0, arrived = 0, posts = 0, sink_requests = 0, handshakes = 0; ///< between both
  std::uint64_t written = 0; ///< bytes that the nodes wrote to the disk
  std::chrono::nanoseconds node_cpu{}, sink_cpu{}; ///< of all nodes; of the sink

  double seconds() const { return std::chrono::duration<double>(to - from).count(); }
};

/// Everything that rows play on: folder, certificates, sink, ledger, and per row a fresh node or cluster.
class stage {
public:
  explicit stage(const stage_settings& settings);
  ~stage();
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// A node on a fresh store in place of the one before, with these flags beside the usual.
  node& fresh_node(const std::vector<std::string>& flags = {});
  /// The same on a store that `fill` makes in the node's folder.
  node& filled_node(const std::function<void(const std::filesystem::path& folder)>& fill,
                    const std::vector<std::string>& flags = {});
  /// Kills the node (SIGKILL) and starts it again on its store, with other flags.
  node& killed_and_started_node(const std::vector<std::string>& flags);
  /// A cluster of fresh nodes in place of what was there, with these flags for each of them.
  cluster& fresh_cluster(std::size_t size, const std::vector<std::string>& flags = {});
  /// Ends what runs. Throws std::runtime_error unless it lived until now and, a node alone, ends in order.
  void stop_nodes();

  const pace& how_long() const noexcept { return settings_.how_long; }
  const std::filesystem::path& folder() const noexcept { return settings_.folder; }
  sink& receiver() noexcept { return *sink_; }
  ledger& book() noexcept { return book_; }
  /// Of what is posted to the receiver's paths that never answer.
  ledger& silent_book() noexcept { return silent_book_; }
  /// Another sink with the same certificate, whose POSTs are in the same ledger.
  std::unique_ptr<sink> another_sink(sink_settings settings);
  /// The file of the CA that signed it.
  const std::filesystem::path& authority() const noexcept { return files_.authority; }

  /// Starts the ledger anew and posts by `load` (the stage fills in port, token, numbers and time) for
  /// warm-up and measured time; what was counted in the latter. Throws std::runtime_error when anything was
  /// refused or the node died.
  measurement play(const load_settings& load) { return play(load, settings_.how_long); }
  /// Likewise, for another time; `each_second` is called meanwhile.
  measurement play(load_settings load, const pace& time, const std::function<void()>& each_second = {});
  /// Posts by `load` until all its events are accepted. Starts the ledger anew. Throws as `play`.
  void post_all(load_settings load, ledger& into);
  /// Starts the ledger anew and begins to post by `load`, at most its `most_events`; several may go on beside
  /// each other, into ledgers of their own. Once `duration` has passed it ends by itself.
  std::unique_ptr<playing> begin(load_settings load, ledger& into);
  /// Ends it. Throws as `play`.
  load_result end(playing& load);
  /// Plays a load whose notifications are to arrive, and judges it. Throws std::runtime_error also when
  /// nothing arrived.
  measurement deliver(load_settings load);
  /// The generator's side of the latest `play` or `post_all`.
  const load_result& latest_load() const noexcept { return latest_; }

  /// Waits until everything accepted has arrived, or nothing more does.
  void settle();
  /// Ends the nodes and throws std::runtime_error unless each accepted event arrived exactly once.
  void judge();

private:
  measurement snapshot();
  std::filesystem::path folder_of_node() const;
  node_settings settings_of_node(const std::vector<std::string>& flags) const;
  void start_node(const std::vector<std::string>& flags);
  std::vector<node*> nodes() const;
  void check_alive() const;
  /// With where to post, by whom, and from which number on.
  load_settings aimed(load_settings load) const;
  void take(const load_result& result, std::uint64_t first);

  stage_settings settings_;
  ledger book_, silent_book_;
  playground::test_ca_files files_;
  std::unique_ptr<sink> sink_;
  std::unique_ptr<node> node_;       ///< a node alone,
  std::unique_ptr<cluster> cluster_; ///< or this, or neither
  int nodes_ = 0;
  std::uint64_t next_number_ = 1;
  load_result latest_;
};

} // namespace carillon::bench
