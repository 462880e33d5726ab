// What an account actor does outside once a turn is durable: POSTs, answers to those who wait, sums, timers.
#include "actors/account.hpp"

#include "net/egress_policy.hpp"
#include "net/target.hpp"

#include <algorithm>
#include <utility>

namespace carillon::actors {

namespace {

using namespace std::chrono_literals;

/// Outcomes that nothing waits for ride on a later commit, at most so much later.
constexpr auto outcome_delay = 100ms;

/// Who got no slot hears of one from its own engine; of the others' it learns by trying again after this
/// time.
constexpr auto starved_delay = 100ms;

} // namespace

void account_state::send_out(std::vector<account::outgoing> posts) {
  if (posts.empty())
    return;
  const auto policy = node->policy();
  std::vector<net::delivery_job> jobs;
  jobs.reserve(posts.size());
  for (auto& p : posts) {
    domain::delivery_result not_sent;
    not_sent.state = domain::notification_state::failed;
    not_sent.ended = domain::boot_clock::now();
    if (!p.subscription) {
      not_sent.error = domain::failure_class::protocol;
      not_sent.detail = "the subscription or the event is gone";
      ended.push_back({raw(at.id), raw(p.number), std::move(not_sent)});
      node->slots.release(1);
      continue;
    }
    const auto& source = p.subscription->source();
    auto& [revision, target] = targets[raw(source.id)];
    if (!target || revision != source.revision) {
      auto parsed = net::parse_target(source.target, *policy);
      if (!parsed) {
        not_sent.error = domain::failure_class::egress;
        not_sent.detail = parsed.error;
        ended.push_back({raw(at.id), raw(p.number), std::move(not_sent)});
        node->slots.release(1);
        continue;
      }
      target = std::move(parsed.target);
      revision = source.revision;
    }
    net::delivery_job job;
    job.owner = raw(at.id);
    job.token = raw(p.number);
    job.target = target;
    job.headers = std::move(p.headers);
    job.body = std::move(p.body);
    job.insecure_ssl = source.insecure_ssl;
    job.deadline = p.deadline;
    jobs.push_back(std::move(job));
  }
  at.desk->submit(std::move(jobs), outcome_taker{account_actor{self}});
}

void account_state::answer_polls() {
  if (polls.empty())
    return;
  const auto moment = now();
  const auto stamp = node->store.stamp();
  std::erase_if(polls, [&](poll& p) {
    const bool late = moment.boot >= p.until || !drains.empty();
    if (raw(p.test) != 0) {
      auto found = core->get(p.test, stamp);
      const auto* n = std::get_if<account::notification_reply>(&found);
      if (!late && n != nullptr && !is_final(n->value.state))
        return false;
      p.to.deliver(widen(std::move(found)));
      return true;
    }
    auto page = core->missed(p.missed, stamp);
    if (!late && page.notifications.empty() && !page.gone) {
      p.missed.after = page.next;
      p.missed.from_end = false;
      return false;
    }
    p.to.deliver(std::move(page));
    return true;
  });
}

/// Brings the node's sums up to this account's state.
void account_state::count_changes() {
  const auto pending = core ? static_cast<std::int64_t>(core->pending()) : 0;
  const auto claims = core ? static_cast<std::int64_t>(core->in_flight()) : 0;
  if (pending != counted_pending)
    node->counts.pending(pending - std::exchange(counted_pending, pending));
  if (claims != counted_claims)
    node->counts.claims_held(claims - std::exchange(counted_claims, claims));
  const auto oldest = core ? core->oldest_due() : std::nullopt;
  if (oldest != counted_due)
    node->counts.oldest_due(at.id, counted_due = oldest);
  const auto statuses = core ? core->statuses() : std::array<std::int64_t, 3>{};
  for (std::size_t i = 0; i < statuses.size(); ++i)
    if (statuses[i] != counted_statuses[i])
      node->counts.subscriptions(static_cast<domain::subscription_status>(i),
                                 statuses[i] - counted_statuses[i]);
  counted_statuses = statuses;
}

void account_state::set_timer() {
  const auto boot = domain::boot_clock::now();
  auto next = may_claim() ? core->next_wake(boot) : std::nullopt;
  const auto sooner = [&next](domain::boot_time t) {
    if (!next || t < *next)
      next = t;
  };
  if (!ended.empty())
    sooner(boot + outcome_delay);
  if (core->starved() && may_claim())
    sooner(boot + starved_delay);
  for (const auto& p : polls)
    sooner(p.until);
  if (!next || (timer_at && *timer_at <= *next && *timer_at > boot))
    return;
  timer_at = next;
  // The scheduler's clock is coarser than ours: aim just behind the moment.
  const auto wait = std::max(*next - boot, domain::boot_clock::duration::zero()) + 50us;
  self->delayed_send(self, std::chrono::duration_cast<std::chrono::nanoseconds>(wait), wake_atom_v, ++timer);
}

} // namespace carillon::actors
