#include "domain/matching.hpp"

#include "domain/dialects/copper_body.hpp"
#include "domain/dialects/pipeliner_options.hpp"
#include "domain/entity_names.hpp"
#include "domain/event_lookups.hpp"
#include "domain/filter.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>

namespace carillon::domain {

std::string_view to_string(match_reason r) {
  constexpr std::string_view names[] = {"matched",   "entity",   "action",        "filter", "field-unchanged",
                                        "meta-only", "skip-key", "custom-entity", "held"};
  return names[static_cast<std::size_t>(r)];
}

const std::vector<std::string>& default_meta_fields() {
  static const std::vector<std::string> fields{
      "date_created",      "date_modified",       "created",         "modified", "revision",
      "interaction_count", "date_last_contacted", "modified_by_user"};
  return fields;
}

const std::string* changed_path(const std::vector<std::string>& wanted,
                                const std::vector<std::string_view>& changed) {
  const auto holds = [&](std::string_view path) {
    return std::binary_search(changed.begin(), changed.end(), path);
  };
  const auto has_below = [&](const std::string& path) {
    const auto above = path + '.';
    const auto first = std::lower_bound(changed.begin(), changed.end(), above);
    return first != changed.end() && first->starts_with(above);
  };
  const auto has_above = [&](std::string_view path) {
    for (auto dot = path.rfind('.'); dot != std::string_view::npos; dot = path.rfind('.')) {
      path = path.substr(0, dot);
      if (holds(path))
        return true;
    }
    return false;
  };
  for (const auto& path : wanted)
    if (holds(path) || has_below(path) || has_above(path))
      return &path;
  return nullptr;
}

std::vector<action> actions_of(const event& e) {
  std::vector<action> result{e.how};
  for (std::size_t i = 0; i < action_count; ++i)
    if (const auto a = static_cast<action>(i); a != e.how && (e.action_bits & bit(a)) != 0)
      result.push_back(a);
  return result;
}

/// What a revision asks for, looked up and parsed once.
struct compiled_subscription::program {
  wanted_actions wanted{};
  std::vector<std::string> meta_fields; ///< sorted; empty where the rule does not hold
  std::vector<std::string> skip_keys;   ///< sorted, from wherever the dialect has them
  std::optional<filter> native_filter;
  std::optional<pipeliner_options> pipeliner;

  bool only_meta(const event& e) const {
    return !meta_fields.empty() && e.changed_fields &&
           std::all_of(e.changed_fields->begin(), e.changed_fields->end(), [this](const std::string& name) {
             return std::binary_search(meta_fields.begin(), meta_fields.end(), name);
           });
  }
};

namespace {

bool holds_any(std::span<const std::string> keys, const std::vector<std::string>& sorted) {
  return std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
    return std::binary_search(sorted.begin(), sorted.end(), key);
  });
}

/// Whether a gate on changed fields is closed. What an event doesn't tell has not changed as far as the gate
/// knows.
bool unchanged(const std::vector<std::string>& watched, const event& e) {
  return !watched.empty() && (!e.changed_fields || changed_path(watched, e.lookups().changed()) == nullptr);
}

pipeliner_options compile_options(const std::string& json) {
  std::vector<option_fault> faults;
  auto options = compile_pipeliner_options(json, faults);
  if (!options)
    throw std::invalid_argument{"a subscription's option is not valid: " + faults.front().path + ": " +
                                faults.front().detail};
  return std::move(*options);
}

} // namespace

compiled_subscription::compiled_subscription(subscription source, const std::vector<std::string>& meta_fields)
    : source_(std::move(source)), program_(std::make_unique<program>()) {
  if (!source_.filter.empty()) {
    filter_fault fault;
    program_->native_filter = compile_filter(source_.filter, fault);
    if (!program_->native_filter)
      throw std::invalid_argument{"a subscription's filter is not valid: " + fault.path + ": " +
                                  fault.detail};
  }
  auto& keys = program_->skip_keys;
  keys = source_.skip_keys;
  if (source_.speaks == dialect::pipeliner) {
    for (const auto& name : source_.pipeliner.events)
      if (!add_pipeliner_event(name, program_->wanted))
        throw std::invalid_argument{"a subscription has an unknown event: " + name};
    program_->pipeliner = compile_options(source_.pipeliner.options);
    keys.insert(keys.end(), program_->pipeliner->skip_keys.begin(), program_->pipeliner->skip_keys.end());
  }
  std::sort(keys.begin(), keys.end());
  if (source_.speaks == dialect::pipeliner)
    return;
  const auto what = copper_entity(source_.copper.type);
  const auto how = copper_action(source_.copper.event);
  if (!what || !how)
    throw std::invalid_argument{"a Copper subscription has no valid type and event"};
  program_->wanted[static_cast<std::size_t>(*what)] = bit(*how);
  program_->meta_fields = meta_fields;
  std::sort(program_->meta_fields.begin(), program_->meta_fields.end());
}

compiled_subscription::~compiled_subscription() = default;

const pipeliner_options* compiled_subscription::pipeliner() const {
  return program_->pipeliner ? &*program_->pipeliner : nullptr;
}

bool compiled_subscription::concerns(entity e, action a) const {
  return (program_->wanted[static_cast<std::size_t>(e)] & bit(a)) != 0;
}

match_result compiled_subscription::match(const event& e,
                                          std::span<const std::string> request_skip_keys) const {
  const auto wanted = program_->wanted[static_cast<std::size_t>(e.what)];
  const auto actions = static_cast<action_set>(wanted & e.action_bits);
  if (actions == 0)
    return {wanted == 0 ? match_reason::entity : match_reason::action, {}, e.how};
  const auto* options = pipeliner();
  if (options != nullptr && e.what == entity::CustomEntity && !options->custom_entities.empty() &&
      !std::binary_search(options->custom_entities.begin(), options->custom_entities.end(), e.custom_entity))
    return {match_reason::custom_entity, "custom_entity_api_name", e.how};
  if (const auto& keys = program_->skip_keys;
      !keys.empty() && (holds_any(e.skip_keys, keys) || holds_any(request_skip_keys, keys)))
    return {match_reason::skip_key, {}, e.how};
  if (e.how == action::Update && program_->only_meta(e))
    return {match_reason::meta_only, {}, e.how};

  // The gate on changed fields is for updates: closed, the event may still count as what it was derived to.
  const auto* own = options == nullptr ? nullptr : options->for_event(e);
  auto as = e.how;
  auto open = actions;
  if (e.how == action::Update) {
    if (unchanged(source_.on_field_change, e))
      return {match_reason::field_unchanged, source_.on_field_change.front(), e.how};
    if (own != nullptr && (actions & bit(action::Update)) != 0 && unchanged(own->on_field_change, e)) {
      open = static_cast<action_set>(actions & ~bit(action::Update));
      if (open == 0)
        return {match_reason::field_unchanged, own->on_field_change.front(), e.how};
    }
    if ((open & bit(e.how)) == 0)
      as = static_cast<action>(std::countr_zero(open));
  }
  if (program_->native_filter)
    if (const auto* path = program_->native_filter->failing(e))
      return {match_reason::filter, *path, as};
  if (own != nullptr && own->condition)
    if (const auto* path = own->condition->failing(e))
      return {match_reason::filter, "entity." + own->name + ".filter." + *path, as};
  return {match_reason::matched, {}, as};
}

} // namespace carillon::domain
