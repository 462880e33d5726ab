#pragma once

#include "domain/foreign_clocks.hpp"
#include "domain/ids.hpp"
#include "domain/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// What two nodes say to each other most often, as messages beside CAF (`net::node_links::post`): each would wake four
/// threads more by its way over CAF's network layer.
namespace carillon::actors {

/// What a shard's replica says to another's (`replication/message_codec.hpp`), with the sender's clock.
struct replica_said {
  domain::shard_id shard{};
  domain::foreign_clocks::boot_id boot{};
  domain::boot_time at{};
  std::string_view what;
};
/// Answer this HTTP request, which came to the sender, and whose account or catalog the receiver serves
/// (`api/forwarded_request.hpp`).
struct request_passed_on {
  std::uint64_t ticket = 0; ///< of the sender's, for this link
  std::string_view what;
};
/// The answer to that.
struct answer_passed_back {
  std::uint64_t ticket = 0;
  std::string_view what;
};

using peer_message = std::variant<replica_said, request_passed_on, answer_passed_back>;

std::string encode(const peer_message& message);
/// Its texts are views of `bytes`. Nothing for what can't be read.
std::optional<peer_message> decode_peer_message(std::string_view bytes);

} // namespace carillon::actors
