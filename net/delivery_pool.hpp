#pragma once

#include "net/exchange.hpp"
#include "net/opening_pace.hpp"
#include "net/tls_client.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

namespace carillon::net {

/// What connections to one origin share in one certificate mode, and the POSTs that wait for one.
///
/// A POST that finds no idle connection waits until the pace lets one be opened for it, and then for that. If
/// another connection becomes free before, it takes the POST that has waited longest; one that has lost its POST so
/// serves others once it is open. So no POST waits for a handshake any longer than for an answer, and none fails
/// but with the connection that was opened for it.
///
/// POSTs to targets that let the last one time out have a pool of their own. For all they have shown, each takes
/// its connection out of use, so it should take none that POSTs to the others could use. And as those that began
/// together time out together and then need new connections all at once, these are spread over some time, however
/// fast the receiver would take them: their handshakes cost it and us what the others need.
struct delivery_pool {
  delivery_pool(certificate_mode certificates, bool to_silent)
      : mode{certificates}, pace{to_silent ? opening_pace::kind::spread : opening_pace::kind::as_taken} {}

  const certificate_mode mode;
  std::vector<delivery_connection*> idle; ///< the last one was used last and is used next
  std::map<std::uint64_t, std::unique_ptr<exchange>> waiting; ///< by id: the first has waited longest
  std::uint64_t opened_up_to = 0; ///< the last of them for which a connection was begun
  opening_pace pace;
  std::vector<boost::asio::ip::address> addresses; ///< for the next one, as they were resolved last
  tls_session_slot session;
  std::size_t connections = 0;
  bool retired = false; ///< the policy or the trust anchors changed: its connections serve nothing new
  bool listed = false;  ///< the engine lets its pace go on

  /// Whether a connection is to be opened for somebody; how many they are (counts them one by one).
  bool lacks() const { return !waiting.empty() && waiting.rbegin()->first > opened_up_to; }
  std::size_t lacking() const {
    return static_cast<std::size_t>(std::distance(waiting.upper_bound(opened_up_to), waiting.end()));
  }
};

} // namespace carillon::net
