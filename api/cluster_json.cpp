#include "api/cluster_json.hpp"

#include "actors/cluster_view.hpp"
#include "domain/json_write.hpp"

#include <algorithm>

namespace carillon::api {

namespace {

using coordination::member_role;

std::string render_node(const actors::cluster_view& view, const coordination::node_registration& node) {
  std::string out;
  domain::object_writer object{out};
  object.text("id", node.id).text("name", node.name);
  object.text("state", view.usable(node.id) ? "reached" : "registered").number("protocol", node.protocol);
  object.close();
  return out;
}

void render_lag(domain::object_writer& object, const actors::member_lag* of) {
  if (of == nullptr || !of->behind) {
    object.null("lag");
  } else {
    domain::object_writer lag{object.open("lag")};
    lag.number("rows", of->behind->rows);
    lag.number("ms", static_cast<std::uint64_t>(of->behind->waiting.count())).close();
  }
  if (of == nullptr || !of->filled)
    return;
  domain::object_writer fill{object.open("fill")};
  fill.number("bytes", of->filled->done);
  if (of->filled->of)
    fill.number("of", *of->filled->of);
  else
    fill.null("of");
  fill.close();
}

const actors::member_lag* find(const actors::shard_lag* shard, const coordination::node_id& node) {
  if (shard == nullptr)
    return nullptr;
  const auto it = std::ranges::find(shard->members, node, &actors::member_lag::node);
  return it == shard->members.end() ? nullptr : &*it;
}

std::string render_shard(domain::shard_id shard, const replication::versioned& known, const actors::lag_report& lag) {
  std::string out;
  domain::object_writer object{out};
  object.number("shard", raw(shard)).number("epoch", known.value.epoch).text("primary", known.value.primary);
  const auto told = lag.shards.find(shard);
  const auto* of_shard = told == lag.shards.end() ? nullptr : &told->second;
  std::string members = "[";
  for (const auto& m : known.value.members) {
    if (members.size() > 1)
      members += ',';
    domain::object_writer one{members};
    one.text("node", m.node).text("role", coordination::to_string(m.role));
    render_lag(one, find(of_shard, m.node));
    one.close();
  }
  object.raw("members", members + "]").close();
  return out;
}

std::string render_step(const coordination::placement_step& step) {
  using kind = coordination::placement_step::kind;
  std::string out;
  domain::object_writer object{out};
  object.number("shard", raw(step.shard))
      .text("step", step.what == kind::add_learner ? "add" : step.what == kind::hand_over ? "hand-over" : "remove")
      .text("node", step.node)
      .close();
  return out;
}

template <class Values, class Render>
std::string list(const Values& values, Render render) {
  std::string out = "[";
  for (const auto& value : values) {
    if (out.size() > 1)
      out += ',';
    out += render(value);
  }
  return out + "]";
}

bool healthy(const actors::cluster_view& view, std::uint16_t shards, std::uint32_t replicas) {
  const auto nodes = view.nodes.size();
  for (std::uint32_t s = 0; s <= shards; ++s) {
    const auto shard = s == shards ? domain::system_shard : domain::shard_id{static_cast<std::uint16_t>(s)};
    const auto* known = view.of(shard);
    const auto wanted = shard == domain::system_shard ? nodes : std::min<std::size_t>(replicas, nodes);
    if (known == nullptr || known->at == 0 || known->value.count(member_role::full) < wanted)
      return false;
    for (const auto& m : known->value.members)
      if (!view.usable(m.node))
        return false;
  }
  return true;
}

} // namespace

std::string render_cluster(const actors::cluster_view_ptr& view, const actors::lag_report& lag, std::uint16_t shards,
                           std::uint32_t replicas) {
  const actors::cluster_view nothing{};
  const auto& known = view ? *view : nothing;
  std::string out;
  domain::object_writer object{out};
  object.text("name", known.name).text("self", known.self);
  object.raw("nodes", list(known.nodes, [&](const auto& n) { return render_node(known, n.second); }));
  object.raw("shards", list(known.shards, [&](const auto& s) { return render_shard(s.first, s.second, lag); }));
  object.raw("moves", list(known.steps, render_step));
  object.texts("unanswered", {lag.unanswered.begin(), lag.unanswered.end()});
  object.boolean("healthy", view != nullptr && healthy(known, shards, replicas));
  object.close();
  return out;
}

} // namespace carillon::api
