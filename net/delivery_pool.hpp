#pragma once

#include "net/handshake_queue.hpp"
#include "net/opening_pace.hpp"
#include "net/tls_client.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <deque>
#include <memory>
#include <set>
#include <vector>

namespace carillon::net {

struct delivery_target;
class delivery_connection;
class exchange;

/// A connection's place in its pool while it is being opened. Leaves by itself when destroyed.
using opening_hook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<class in_pool>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
class opening_entry : public opening_hook {};
using opening_list = boost::intrusive::list<opening_entry, boost::intrusive::base_hook<opening_hook>,
                                            boost::intrusive::constant_time_size<false>>;

/// Targets whose last POST got no answer before its deadline.
class silent_targets {
public:
  static constexpr std::size_t most = 4096; ///< more at one origin count as if they answered

  bool contains(const std::shared_ptr<const delivery_target>& target) const {
    return !targets_.empty() && targets_.contains(target);
  }
  void note(const std::shared_ptr<const delivery_target>& target) {
    if (targets_.size() >= most)
      std::erase_if(targets_, [](const auto& entry) { return entry.expired(); });
    if (targets_.size() < most)
      targets_.insert(target);
  }
  void forget(const std::shared_ptr<const delivery_target>& target) {
    if (!targets_.empty())
      targets_.erase(target);
  }

private:
  std::set<std::weak_ptr<const delivery_target>, std::owner_less<>> targets_;
};

/// POSTs whose targets behaved alike (see `handshake_class`), until the pace allows them a connection.
struct opening_line {
  struct entry {
    std::unique_ptr<exchange> next;
    std::vector<boost::asio::ip::address> addresses;
  };
  std::deque<entry> held; ///< the longest waiting in front
  opening_pace pace;
};

/// What connections to one origin share in one certificate mode.
///
/// A POST that finds no idle connection has one opened when the pace allows it, and takes another that becomes
/// free before; the one being opened then serves who comes next. So POSTs don't wait for a handshake any longer
/// than for an answer, and a crowd opens no more connections than it has POSTs at one time.
///
/// POSTs to targets that let the last one time out stay apart: each opens a connection of its own, at a pace of
/// their own, and takes none that POSTs to the others could use. For all they have shown they take it out of
/// use until the deadline.
struct delivery_pool {
  certificate_mode mode = certificate_mode::verify;
  std::vector<delivery_connection*> idle; ///< the last one was used last and is used next
  opening_list waiting;                   ///< being opened, each with an exchange; the oldest in front
  opening_list spare;                     ///< being opened, their exchanges took others
  /// By `handshake_class`. The paces: what a receiver of one thread does within some milliseconds.
  std::array<opening_line, 2> lines{opening_line{{}, opening_pace{8}}, opening_line{{}, opening_pace{2}}};
  silent_targets silent;
  tls_session_slot session;
  std::size_t connections = 0;
  bool retired = false; ///< the policy or the trust anchors changed: its connections serve nothing new

  opening_line& line(handshake_class of) { return lines[static_cast<std::size_t>(of)]; }
  bool holds() const { return !lines[0].held.empty() || !lines[1].held.empty(); }
};

} // namespace carillon::net
