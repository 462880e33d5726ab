#pragma once

#include "coordination/etcd_client.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

/// Internal to the etcd store: what goes on until its owner ends it.
namespace carillon::coordination {

/// Between a thing that calls back on the store's thread and its owner, who may end it on any.
class call_gate {
public:
  /// Calls unless it was ended; the end waits for a call that runs, but for its own.
  template <class Call>
  void call(Call what) {
    const std::lock_guard guard{mutex_};
    if (!ended_)
      what();
  }
  void end() {
    const std::lock_guard guard{mutex_};
    ended_ = true;
  }
  bool ended() {
    const std::lock_guard guard{mutex_};
    return ended_;
  }

private:
  std::recursive_mutex mutex_;
  bool ended_ = false;
};

/// One watch: a stream of changes, and beside it a read from time to time, each completing the other.
class etcd_watch : public std::enable_shared_from_this<etcd_watch> {
public:
  etcd_watch(etcd_client& client, std::string prefix, revision from, std::chrono::milliseconds poll_interval,
             std::function<void(watch_report)> tell);

  call_gate gate;

  /// Reads and follows until it is ended or the store closes.
  boost::asio::awaitable<void> run();
  /// Looks at once whether it was ended. Store's thread.
  void wake();

private:
  using state = watch_report::state;

  bool over() { return client_.closing().closed() || gate.ended(); }
  boost::asio::awaitable<void> poll();
  boost::asio::awaitable<void> follow();
  boost::asio::awaitable<std::string> stream();
  /// What differs from what was told, at a revision not before it.
  std::vector<change> difference(const etcd_range& now) const;
  void take(std::vector<change> changes, revision at);
  void lose(std::string why);

  etcd_client& client_;
  const std::string prefix_;
  const std::chrono::milliseconds poll_interval_;
  const std::function<void(watch_report)> tell_;

  std::map<std::string, revision> known_; ///< what was told of each key that is there
  revision from_;                         ///< what isn't newer isn't told by the first read
  revision at_ = 0;                       ///< complete up to here; 0: nothing was read yet
  bool streaming_ = false;                ///< `follow` runs
  bool created_ = false;                  ///< and etcd has said that it watches
  revision created_at_ = 0;               ///< the store's revision then
  bool told_following_ = false;
  bool told_lost_ = false;
  unsigned ahead_ = 0; ///< polls in a row that saw what the stream had not told
  std::unique_ptr<etcd_connection> connection_; ///< the stream's
  closing_timer until_poll_;
};

} // namespace carillon::coordination
