#include "coordination/shard_map.hpp"

#include "coordination/json_reader.hpp"
#include "domain/json_write.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace carillon::coordination {

namespace {

constexpr std::string_view root = "/carillon/";

/// Members of one shard, learners included: five replicas, and as many that replace them.
constexpr std::size_t most_members = 10;
/// Addresses of one node.
constexpr std::size_t most_addresses = 16;
constexpr std::size_t longest_node_id = 64;

constexpr member_role all_roles[] = {member_role::full, member_role::tailing, member_role::learner};

bool is_node_id(std::string_view text) {
  return !text.empty() && text.size() <= longest_node_id && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

/// The node that `name` names.
node_id need_node(const object_reader& from, const char* name) {
  auto id = from.need_text(name);
  if (!is_node_id(id))
    throw json_mismatch(from.pointer_to(name) + ": must be a node's id");
  return id;
}

shard_member read_member(const nlohmann::json& value, const std::string& pointer) {
  const object_reader member{value, pointer};
  member.only({"node", "role"});
  shard_member out;
  out.node = need_node(member, "node");
  const auto role = member.need_text("role");
  const auto* known =
      std::ranges::find_if(all_roles, [&](member_role each) { return role == to_string(each); });
  if (known == std::end(all_roles))
    throw json_mismatch(member.pointer_to("role") + ": must be full, tailing or learner");
  out.role = *known;
  return out;
}

shard_configuration read_configuration(std::string_view text) {
  const auto value = parse_checked(text);
  const object_reader entry{value, "#"};
  entry.only({"epoch", "primary", "members"});
  shard_configuration out;
  out.epoch = entry.need_count("epoch");
  if (out.epoch == 0)
    throw json_mismatch("#/epoch: must be at least 1");
  out.primary = need_node(entry, "primary");
  const auto& members = entry.need_array("members");
  if (members.size() > most_members)
    throw json_mismatch("#/members: must be at most " + std::to_string(most_members));
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto pointer = "#/members/" + std::to_string(i);
    auto member = read_member(members[i], pointer);
    if (out.find(member.node) != nullptr)
      throw json_mismatch(pointer + "/node: is there twice");
    out.members.push_back(std::move(member));
  }
  const auto* primary = out.find(out.primary);
  if (primary == nullptr || primary->role != member_role::full)
    throw json_mismatch("#/primary: must be a full member");
  return out;
}

node_registration read_registration(std::string_view text) {
  const auto value = parse_checked(text);
  const object_reader entry{value, "#"};
  entry.only({"name", "addresses", "protocol", "oldest_protocol", "leaving"});
  node_registration out;
  out.name = entry.need_text("name");
  const auto& addresses = entry.need_array("addresses");
  if (addresses.empty() || addresses.size() > most_addresses)
    throw json_mismatch("#/addresses: must be 1 to " + std::to_string(most_addresses));
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (!addresses[i].is_string() || addresses[i].get_ref<const std::string&>().empty())
      throw json_mismatch("#/addresses/" + std::to_string(i) + ": must be an address with a port");
    out.addresses.push_back(addresses[i].get<std::string>());
  }
  const auto version = [&](const char* name) {
    const auto number = entry.need_count(name);
    if (number > UINT32_MAX)
      throw json_mismatch(entry.pointer_to(name) + ": is too large");
    return static_cast<std::uint32_t>(number);
  };
  out.protocol = version("protocol");
  out.oldest_protocol = version("oldest_protocol");
  if (out.oldest_protocol > out.protocol)
    throw json_mismatch("#/oldest_protocol: must not be above protocol");
  if (const auto found = value.find("leaving"); found != value.end()) {
    if (!found->is_boolean())
      throw json_mismatch("#/leaving: must be true or false");
    out.leaving = found->get<bool>();
  }
  return out;
}

std::optional<std::string_view> below(const std::string& prefix, std::string_view key) {
  if (!key.starts_with(prefix))
    return std::nullopt;
  return key.substr(prefix.size());
}

shard_configuration next_of(const shard_configuration& current) {
  auto next = current;
  ++next.epoch;
  return next;
}

shard_member* find_in(shard_configuration& configuration, std::string_view node) {
  return const_cast<shard_member*>(std::as_const(configuration).find(node));
}

bool is_full(const shard_configuration& current, std::string_view node) {
  const auto* member = current.find(node);
  return member != nullptr && member->role == member_role::full;
}

/// Not the primary, which is always full: so a full one stays.
bool may_step_down(const shard_configuration& current, std::string_view node) {
  return node != current.primary && current.find(node) != nullptr;
}

} // namespace

const char* to_string(member_role role) {
  switch (role) {
  case member_role::full:
    return "full";
  case member_role::tailing:
    return "tailing";
  case member_role::learner:
    return "learner";
  }
  return "";
}

const shard_member* shard_configuration::find(std::string_view node) const {
  const auto found = std::ranges::find(members, node, &shard_member::node);
  return found == members.end() ? nullptr : &*found;
}

std::size_t shard_configuration::count(member_role role) const {
  return static_cast<std::size_t>(std::ranges::count(members, role, &shard_member::role));
}

std::size_t shard_configuration::acknowledging() const {
  return members.size() - count(member_role::learner);
}

std::string cluster_prefix(std::string_view cluster) {
  return std::string{root} + std::string{cluster} + "/";
}
std::string nodes_prefix(std::string_view cluster) {
  return cluster_prefix(cluster) + "nodes/";
}
std::string shards_prefix(std::string_view cluster) {
  return cluster_prefix(cluster) + "shards/";
}
std::string node_key(std::string_view cluster, std::string_view node) {
  return nodes_prefix(cluster) + std::string{node};
}
std::string shard_key(std::string_view cluster, domain::shard_id shard) {
  return shards_prefix(cluster) + std::to_string(domain::raw(shard));
}
std::string identity_key(std::string_view cluster) {
  return cluster_prefix(cluster) + "identity";
}

std::string controller_key(std::string_view cluster) {
  return cluster_prefix(cluster) + "controller";
}

std::optional<domain::shard_id> shard_of_key(std::string_view cluster, std::string_view key) {
  const auto text = below(shards_prefix(cluster), key);
  if (!text)
    return std::nullopt;
  std::uint16_t number = 0;
  const auto read = std::from_chars(text->data(), text->data() + text->size(), number);
  // Only the form that `shard_key` writes: "007" would be a second key of shard 7.
  if (read.ec != std::errc{} || read.ptr != text->data() + text->size() || std::to_string(number) != *text)
    return std::nullopt;
  return domain::shard_id{number};
}

std::optional<node_id> node_of_key(std::string_view cluster, std::string_view key) {
  const auto text = below(nodes_prefix(cluster), key);
  if (!text || !is_node_id(*text))
    return std::nullopt;
  return node_id{*text};
}

std::string encode(const shard_configuration& configuration) {
  std::string out;
  domain::object_writer entry{out};
  entry.number("epoch", configuration.epoch).text("primary", configuration.primary);
  auto& members = entry.open("members");
  members += '[';
  for (const auto& each : configuration.members) {
    if (&each != &configuration.members.front())
      members += ',';
    domain::object_writer member{members};
    member.text("node", each.node).text("role", to_string(each.role));
    member.close();
  }
  members += ']';
  entry.close();
  return out;
}

std::string encode(const node_registration& registration) {
  std::string out;
  domain::object_writer entry{out};
  entry.text("name", registration.name)
      .texts("addresses", registration.addresses)
      .number("protocol", registration.protocol)
      .number("oldest_protocol", registration.oldest_protocol);
  if (registration.leaving)
    entry.boolean("leaving", true);
  entry.close();
  return out;
}

std::variant<shard_configuration, value_fault> decode_shard(std::string_view key, std::string_view value) {
  try {
    return read_configuration(value);
  } catch (const json_mismatch& problem) {
    return value_fault{std::string{key} + ": " + problem.what()};
  }
}

std::variant<node_registration, value_fault> decode_node(std::string_view cluster, std::string_view key,
                                                         std::string_view value) {
  auto id = node_of_key(cluster, key);
  if (!id)
    return value_fault{std::string{key} + ": must be " + nodes_prefix(cluster) + " and a node's id"};
  try {
    auto out = read_registration(value);
    out.id = std::move(*id);
    return out;
  } catch (const json_mismatch& problem) {
    return value_fault{std::string{key} + ": " + problem.what()};
  }
}

std::optional<shard_configuration> without_member(const shard_configuration& current, std::string_view node) {
  if (!may_step_down(current, node))
    return std::nullopt;
  auto next = next_of(current);
  std::erase_if(next.members, [&](const auto& member) { return member.node == node; });
  return next;
}

std::optional<shard_configuration> taken_over_by(const shard_configuration& current, std::string_view node) {
  if (node == current.primary || !is_full(current, node))
    return std::nullopt;
  auto next = next_of(current);
  std::erase_if(next.members, [&](const auto& member) { return member.node == current.primary; });
  next.primary = node;
  return next;
}

std::optional<shard_configuration> handed_to(const shard_configuration& current, std::string_view node) {
  if (node == current.primary || !is_full(current, node))
    return std::nullopt;
  auto next = next_of(current);
  next.primary = node;
  return next;
}

std::optional<shard_configuration> renewed_by(const shard_configuration& current, std::string_view node) {
  if (node != current.primary)
    return std::nullopt;
  return next_of(current);
}

std::optional<shard_configuration> with_learner(const shard_configuration& current, std::string_view node) {
  if (!is_node_id(node) || current.find(node) != nullptr || current.members.size() >= most_members)
    return std::nullopt;
  auto next = next_of(current);
  next.members.push_back({node_id{node}, member_role::learner});
  return next;
}

std::optional<shard_configuration> promoted(const shard_configuration& current, std::string_view node,
                                            member_role to) {
  auto next = next_of(current);
  auto* member = find_in(next, node);
  // The roles' order is from the most to the least.
  if (member == nullptr || to >= member->role)
    return std::nullopt;
  member->role = to;
  return next;
}

std::optional<shard_configuration> demoted(const shard_configuration& current, std::string_view node) {
  auto next = next_of(current);
  auto* member = find_in(next, node);
  if (!may_step_down(current, node) || member->role == member_role::learner)
    return std::nullopt;
  member->role = member_role::learner;
  return next;
}

} // namespace carillon::coordination
