#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace carillon::actors {

/// Bounds of what is under way to one peer.
struct credit_limits {
  std::size_t messages = 256;           ///< unanswered at a time
  std::size_t bytes = 4 << 20;          ///< of the unanswered
  std::size_t waiting_messages = 4'096; ///< that have no credit yet
  std::size_t waiting_bytes = 16 << 20; ///< of those
};

/// What may be sent to one peer: at most so many unanswered messages and bytes, because neither mailboxes nor
/// the send buffers of links have a bound of their own. What is over waits in order; what is over that is
/// refused. A message larger than the whole window goes when nothing else is under way.
///
/// `Message` is what is sent, `Pending` what its owner keeps until the answer (a promise, say). Not
/// thread-safe; knows no time: the owner gives up what isn't answered.
template <class Message, class Pending>
class credit_window {
public:
  struct sendable {
    std::uint64_t ticket = 0; ///< for `answered`
    Message message;
  };

  explicit credit_window(credit_limits limits = {}) : limits_{limits} {}

  /// Puts a message in line; false when there is no room, and then neither argument is moved from. Call `next`
  /// until it yields nothing afterwards.
  bool offer(Message&& message, Pending&& pending, std::size_t bytes) {
    if (waiting_.size() >= limits_.waiting_messages || bytes > limits_.waiting_bytes - waiting_bytes_)
      return false;
    waiting_.push_back({std::move(message), std::move(pending), bytes});
    waiting_bytes_ += bytes;
    return true;
  }

  /// The next message that may be sent now.
  std::optional<sendable> next() {
    if (waiting_.empty() || unanswered_.size() >= limits_.messages)
      return std::nullopt;
    auto& first = waiting_.front();
    if (!unanswered_.empty() && unanswered_bytes_ + first.bytes > limits_.bytes)
      return std::nullopt;
    const auto ticket = ++last_ticket_;
    sendable out{ticket, std::move(first.message)};
    unanswered_.emplace(ticket, sent{std::move(first.pending), first.bytes});
    unanswered_bytes_ += first.bytes;
    waiting_bytes_ -= first.bytes;
    waiting_.pop_front();
    return out;
  }

  /// The answer to a sent message came, or will not come: gives its credit back. Nothing when it is not under
  /// way any more. Call `next` afterwards.
  std::optional<Pending> answered(std::uint64_t ticket) {
    auto found = unanswered_.find(ticket);
    if (found == unanswered_.end())
      return std::nullopt;
    std::optional<Pending> out{std::move(found->second.pending)};
    unanswered_bytes_ -= found->second.bytes;
    unanswered_.erase(found);
    return out;
  }

  /// As `answered` for each sent one of which `late` says so, given what was kept for it.
  template <class Late>
  std::vector<Pending> give_up(Late late) {
    std::vector<Pending> out;
    for (auto it = unanswered_.begin(); it != unanswered_.end();) {
      if (!late(it->second.pending)) {
        ++it;
        continue;
      }
      out.push_back(std::move(it->second.pending));
      unanswered_bytes_ -= it->second.bytes;
      it = unanswered_.erase(it);
    }
    return out;
  }

  /// The peer is gone: empties the window and yields what everybody waits for, the sent first, in order.
  std::vector<Pending> clear() {
    std::vector<Pending> out;
    out.reserve(unanswered_.size() + waiting_.size());
    for (auto& [ticket, one] : std::exchange(unanswered_, {}))
      out.push_back(std::move(one.pending));
    for (auto& one : std::exchange(waiting_, {}))
      out.push_back(std::move(one.pending));
    unanswered_bytes_ = waiting_bytes_ = 0;
    return out;
  }

  std::size_t unanswered() const { return unanswered_.size(); }
  std::size_t unanswered_bytes() const { return unanswered_bytes_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t waiting_bytes() const { return waiting_bytes_; }

private:
  struct queued {
    Message message;
    Pending pending;
    std::size_t bytes = 0;
  };
  struct sent {
    Pending pending;
    std::size_t bytes = 0;
  };

  credit_limits limits_;
  std::deque<queued> waiting_;
  std::map<std::uint64_t, sent> unanswered_; ///< by ticket
  std::size_t waiting_bytes_ = 0, unanswered_bytes_ = 0;
  std::uint64_t last_ticket_ = 0;
};

} // namespace carillon::actors
