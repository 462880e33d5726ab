#include "actors/lag_survey.hpp"

#include <caf/event_based_actor.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace carillon::actors {

namespace {

struct survey {
  cluster_view_ptr view;
  std::function<void(lag_report)> done;
  lag_report report;
  std::size_t waiting = 0;

  void answered(const coordination::node_id& who, const std::string& text) {
    auto told = decode_lag(text);
    if (!told)
      return unanswered(who);
    for (auto& one : *told) {
      const auto* known = view->of(one.shard);
      // An epoch has one primary. Of a shard that is changing it, one of the two nodes knows nothing yet.
      if (known != nullptr && known->value.epoch == one.epoch)
        report.shards.emplace(one.shard, std::move(one));
    }
    one_less();
  }
  void unanswered(const coordination::node_id& who) {
    report.unanswered.insert(who);
    one_less();
  }
  void one_less() {
    if (--waiting == 0)
      done(std::move(report));
  }
};

} // namespace

void survey_lag(caf::actor_system& system, cluster_view_ptr view, const entry_actor& own,
                std::function<void(lag_report)> done) {
  auto all = std::make_shared<survey>();
  std::map<coordination::node_id, entry_actor> leading;
  for (const auto& [shard, known] : view->shards) {
    const auto& who = known.value.primary;
    const auto link = view->reachable.find(who);
    if (who == view->self)
      leading.emplace(who, own);
    else if (link != view->reachable.end())
      leading.emplace(who, link->second.entry);
    else
      all->report.unanswered.insert(who);
  }
  if (leading.empty())
    return done(std::move(all->report));
  all->view = std::move(view);
  all->done = std::move(done);
  all->waiting = leading.size();
  system.spawn([all, leading = std::move(leading)](caf::event_based_actor* self) {
    for (const auto& [who, entry] : leading)
      self->request(entry, lag_patience, lag_atom_v)
          .then([all, who = who](const std::string& text) { all->answered(who, text); },
                [all, who = who](const caf::error&) { all->unanswered(who); });
  });
}

} // namespace carillon::actors
