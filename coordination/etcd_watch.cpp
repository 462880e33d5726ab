#include "coordination/etcd_watch.hpp"

#include "coordination/json_reader.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace carillon::coordination {

namespace asio = boost::asio;

namespace {

/// After a stream's end, until it is tried again: an etcd that refuses at once must not be asked without end.
constexpr std::chrono::milliseconds stream_pause{100};
/// A poll may be ahead of the stream by chance; twice in a row the stream is deaf.
constexpr unsigned deaf_after = 2;

} // namespace

etcd_watch::etcd_watch(etcd_client& client, std::string prefix, revision from, std::chrono::milliseconds poll_interval,
                       std::function<void(watch_report)> tell)
    : client_{client}, prefix_{std::move(prefix)}, poll_interval_{poll_interval}, tell_{std::move(tell)}, from_{from},
      until_poll_{client.io(), client.closing()} {}

void etcd_watch::wake() {
  until_poll_.cancel();
  if (connection_)
    connection_->cancel();
}

std::vector<change> etcd_watch::difference(const etcd_range& now) const {
  std::vector<change> out;
  std::map<std::string, revision> gone = known_;
  for (const auto& each : now.entries) {
    const auto before = known_.find(each.key);
    const auto told = before == known_.end() ? (at_ == 0 ? from_ : 0) : before->second;
    if (each.modified > told)
      out.push_back({each.key, each, each.modified});
    gone.erase(each.key);
  }
  for (const auto& each : gone)
    out.push_back({each.first, {}, now.header.at});
  std::ranges::stable_sort(out, {}, &change::at);
  return out;
}

void etcd_watch::take(std::vector<change> changes, revision at) {
  for (const auto& each : changes) {
    if (each.now)
      known_[each.key] = each.at;
    else
      known_.erase(each.key);
  }
  at_ = std::max(at_, at);
  // What happened before the stream was there is told first, by itself or by a read.
  const bool follows = created_ && at_ >= created_at_;
  if (changes.empty() && (!follows || told_following_))
    return;
  if (follows)
    told_following_ = true, told_lost_ = false;
  watch_report report{follows ? state::following : state::lost, std::move(changes), at_,
                      follows ? "" : "not yet watching"};
  gate.call([&] { tell_(std::move(report)); });
}

void etcd_watch::lose(std::string why) {
  created_ = false;
  told_following_ = false;
  if (!std::exchange(told_lost_, true))
    gate.call([&] { tell_({state::lost, {}, at_, std::move(why)}); });
}

asio::awaitable<void> etcd_watch::run() {
  while (!over()) {
    co_await poll();
    if (over())
      break;
    if (at_ != 0 && !streaming_) {
      streaming_ = true;
      asio::co_spawn(client_.io(), follow(), [self = shared_from_this()](std::exception_ptr) {});
    }
    co_await until_poll_.wait(poll_interval_);
  }
  wake();
}

asio::awaitable<void> etcd_watch::poll() {
  etcd_range range;
  const read_answer read = [this, &range](const std::string& body) {
    range = read_range(body, prefix_, reach::prefix);
    return range.header;
  };
  const auto known = at_;
  auto error = co_await client_.ask(range_request(prefix_, reach::prefix), repeatable::yes, read);
  if (over())
    co_return;
  if (!error && range.header.at < known)
    error = call_error{failure::foreign, "its revision went back from " + std::to_string(known) + " to " +
                                             std::to_string(range.header.at) + ": it has lost data"};
  if (!error) {
    // The stream may have overtaken it.
    if (range.header.at < at_)
      co_return;
    auto changes = difference(range);
    if (at_ == 0)
      for (const auto& each : range.entries)
        known_[each.key] = each.modified;
    ahead_ = changes.empty() || !created_ ? 0 : ahead_ + 1;
    take(std::move(changes), range.header.at);
    if (ahead_ < deaf_after)
      co_return;
    ahead_ = 0;
    error = call_error{failure::unreachable, "the stream of changes has gone silent"};
  }
  lose(error->detail);
  if (connection_)
    connection_->cancel();
}

asio::awaitable<void> etcd_watch::follow() {
  const auto self = shared_from_this();
  auto why = co_await stream();
  connection_.reset();
  if (!over()) {
    lose(std::move(why));
    co_await client_.pause(stream_pause);
  }
  streaming_ = false;
  until_poll_.cancel();
}

asio::awaitable<std::string> etcd_watch::stream() {
  auto& at = client_.first();
  std::string why;
  try {
    connection_ = std::make_unique<etcd_connection>(client_.io(), client_.tls(), client_.closing());
    auto& connection = *connection_;
    co_await connection.open(at, steady::now() + client_.attempt_timeout());
    const auto head = co_await connection.begin_stream(at, watch_request(prefix_, at_ + 1));
    if (head.status != 200)
      co_return at.url() + ": " + read_error(head.status, head.body).detail;
    for (;;) {
      const auto text = co_await connection.next_line();
      if (over())
        co_return "";
      if (text.empty())
        co_return at.url() + " has ended the stream of changes";
      auto line = read_watch_line(text, prefix_);
      if (const auto foreign = client_.check_cluster(line.header)) {
        why = at.url() + ": " + foreign->detail;
        break;
      }
      if (line.canceled)
        co_return at.url() + ": " + line.reason;
      if (line.created) {
        created_ = true;
        created_at_ = line.header.at;
        connection.wait_for_ever();
        if (created_at_ > at_)
          until_poll_.cancel();
      }
      std::erase_if(line.changes, [&](const auto& each) { return each.at <= at_; });
      ahead_ = 0;
      const auto newest = line.changes.empty() ? at_ : line.changes.back().at;
      take(std::move(line.changes), newest);
    }
  } catch (const boost::system::system_error& problem) {
    why = at.url() + ": " + problem.code().message();
  } catch (const json_mismatch& problem) {
    why = at.url() + ": the stream holds what is none of etcd's: " + problem.what();
  }
  client_.turn_away(at);
  co_return why;
}

} // namespace carillon::coordination
