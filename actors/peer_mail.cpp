#include "actors/peer_mail.hpp"

#include "actors/peer_message.hpp"
#include "actors/replica_seat.hpp"
#include "config/logging.hpp"

#include <caf/send.hpp>

#include <utility>

namespace carillon::actors {

peer_mail::peer_mail(services_ptr node, receivers to, link_sender send)
    : node_{std::move(node)}, to_{std::move(to)}, send_{std::move(send)} {}

void peer_mail::take(const std::string& from, std::uint64_t link, const std::string& message) const {
  const auto read = decode_peer_message(message);
  if (!read) {
    config::log(config::log_level::warning, "a peer sent what can't be read", {{"node", from}, {"bytes", message.size()}});
  } else if (const auto* said = std::get_if<replica_said>(&*read)) {
    note_clock(said->boot, said->at);
    const auto shard = raw(said->shard);
    if (said->shard == domain::system_shard)
      to_.system->heard(from, std::string{said->what});
    else if (shard < to_.replicas.size())
      to_.replicas[shard]->heard(from, std::string{said->what});
  } else if (const auto* request = std::get_if<request_passed_on>(&*read)) {
    const auto done = [send = send_, link, ticket = request->ticket](const std::string& response) {
      send(link, encode(answer_passed_back{ticket, response}));
    };
    if (const auto answer = node_->forwarded_handler())
      answer(std::string{request->what}, done);
    else
      done({}); // the API isn't there yet, or not any more
  } else if (const auto* answer = std::get_if<answer_passed_back>(&*read)) {
    caf::anon_send(to_.forwarder, forward_atom_v, link, answer->ticket, std::string{answer->what});
  }
}

void peer_mail::note_clock(const domain::foreign_clocks::boot_id& boot, domain::boot_time theirs) const {
  domain::foreign_clocks::reading seen;
  seen.boot = boot;
  seen.theirs = theirs;
  seen.ours = node_->store.stamp();
  // Two nodes of one machine share its clock.
  if (seen.boot != seen.ours.boot_id)
    node_->clocks.note(seen);
}

} // namespace carillon::actors
