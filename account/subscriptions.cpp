#include "account/subscriptions.hpp"

#include "domain/entity_names.hpp"

#include <algorithm>

namespace carillon::account {

namespace {
std::size_t slot(domain::entity e, domain::action a) {
  return static_cast<std::size_t>(e) * domain::action_count + static_cast<std::size_t>(a);
}
} // namespace

std::string origin_of(std::string_view url) {
  const auto host = url.find("//");
  const auto end = host == std::string_view::npos ? host : url.find_first_of("/?#", host + 2);
  std::string out{url.substr(0, end)};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::vector<domain::notification_number> subscription_state::waiting_numbers() const {
  std::vector<domain::notification_number> out;
  for (const auto& [due, number] : waiting)
    out.push_back(domain::notification_number{number});
  return out;
}

subscription_state& subscription_table::put(domain::subscription s) {
  auto compiled = std::make_shared<const domain::compiled_subscription>(s);
  auto& state = all_[raw(s.id)];
  if (!state)
    state = std::make_unique<subscription_state>();
  state->origin = origin_of(s.target);
  state->now = std::move(s);
  state->compiled = std::move(compiled);
  reindex();
  return *state;
}

void subscription_table::erase(domain::subscription_id id) {
  const auto it = all_.find(raw(id));
  if (it == all_.end())
    return;
  if (it->second->in_flight > 0)
    it->second->erased = true;
  else
    all_.erase(it);
  reindex();
}

subscription_state* subscription_table::find_any(domain::subscription_id id) {
  const auto it = all_.find(raw(id));
  return it == all_.end() ? nullptr : it->second.get();
}

subscription_state* subscription_table::find(domain::subscription_id id) {
  auto* s = find_any(id);
  return s == nullptr || s->erased ? nullptr : s;
}

const subscription_state* subscription_table::find(domain::subscription_id id) const {
  const auto it = all_.find(raw(id));
  return it == all_.end() || it->second->erased ? nullptr : it->second.get();
}

std::vector<subscription_state*> subscription_table::candidates(const domain::event& e) const {
  if (e.action_bits == domain::bit(e.how)) // it counts as nothing else
    return index_[slot(e.what, e.how)];
  std::vector<subscription_state*> out;
  const auto actions = domain::actions_of(e);
  for (const auto a : actions)
    for (auto* s : index_[slot(e.what, a)])
      out.push_back(s);
  std::sort(out.begin(), out.end(), [](auto* a, auto* b) { return raw(a->now.id) < raw(b->now.id); });
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::uint32_t subscription_table::counted() const {
  return static_cast<std::uint32_t>(std::count_if(all_.begin(), all_.end(), [](const auto& entry) {
    return !entry.second->erased && !entry.second->now.pipeliner.deleted;
  }));
}

void subscription_table::reindex() {
  for (auto& list : index_)
    list.clear();
  for (const auto& [id, s] : all_) {
    if (s->erased || s->now.pipeliner.deleted)
      continue;
    for (std::size_t e = 0; e < domain::entity_count; ++e)
      for (std::size_t a = 0; a < domain::action_count; ++a)
        if (s->compiled->concerns(static_cast<domain::entity>(e), static_cast<domain::action>(a)))
          index_[e * domain::action_count + a].push_back(s.get());
  }
}

} // namespace carillon::account
