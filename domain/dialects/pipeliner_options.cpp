#include "domain/dialects/pipeliner_options.hpp"

#include "domain/filter_path.hpp"
#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"

#include <algorithm>

namespace carillon::domain {

namespace {

constexpr std::string_view custom_prefix = "CE_";

/// Pipeliner documents `on-field-change` for these entities only.
bool has_field_change(std::string_view name) {
  static constexpr std::array<std::string_view, 10> names{
      "Account", "Appointment",          "Task",    "Contact", "Opportunity",
      "Lead",    "OpptyProductRelation", "Project", "Quote",   "CustomEntity"};
  return name.starts_with(custom_prefix) || std::find(names.begin(), names.end(), name) != names.end();
}

bool is_entity_option(std::string_view name) {
  const auto e = parse_entity(name);
  return (e && *e != entity::Activity) ||
         (name.starts_with(custom_prefix) && name.size() > custom_prefix.size());
}

/// Reads an options object and notes every option that is refused.
class options_reader {
public:
  explicit options_reader(std::vector<option_fault>& faults) : faults_(faults) {}

  pipeliner_options result;

  void read(const json_member& m) {
    const auto name = m.name();
    if (name == "entity")
      each_member(name, m.value, [this](const std::string& path, const json_member& inner) {
        read_entity(path, inner.name(), inner.value);
      });
    else if (name == "related_entity")
      each_member(name, m.value, [this](const std::string& path, const json_member& inner) {
        if (!read_shape(path, inner, result.related))
          fault(path, "there is no such option");
      });
    else if (name == "skip_keys")
      result.skip_keys = texts(name, m.value);
    else if (name == "custom_entity_api_name")
      result.custom_entities = texts(name, m.value);
    else if (name == "chunk_size")
      read_number(name, m.value, 1, max_chunk_size, result.chunk_size);
    else if (name == "chunk_delay")
      read_number(name, m.value, 0, max_chunk_delay, result.chunk_delay);
    else
      fault(name, "there is no such option");
  }

private:
  void fault(std::string path, std::string detail) {
    if (faults_.size() < max_told_errors)
      faults_.push_back({std::move(path), std::move(detail)});
  }

  template <class Read>
  void each_member(const std::string& path, std::string_view value, Read read_member) {
    if (type_of(value) != json_type::object)
      return fault(path, "must be an object");
    json_member member;
    for (object_reader reader{value}; reader.next(member);)
      read_member(path + '.' + member.name(), member);
  }

  void read_number(const std::string& path, std::string_view value, std::uint32_t low, std::uint32_t high,
                   std::uint32_t& number) {
    std::uint32_t parsed = 0;
    const bool digits = type_of(value) == json_type::number && value.size() <= 6 &&
                        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    for (const char c : digits ? value : std::string_view{})
      parsed = parsed * 10 + static_cast<std::uint32_t>(c - '0');
    if (!digits || parsed < low || parsed > high)
      return fault(path, "must be an integer from " + std::to_string(low) + " to " + std::to_string(high));
    number = parsed;
  }

  /// A list of strings, or one string.
  std::vector<std::string> texts(const std::string& path, std::string_view value) {
    std::vector<std::string> list;
    const auto add = [&](std::string_view element) {
      auto text = type_of(element) == json_type::string ? string_value(element) : std::string{};
      if (text.empty() || text.size() > max_option_path)
        fault(path, "must hold strings of 1 to " + std::to_string(max_option_path) + " bytes");
      else if (list.size() == max_option_paths)
        fault(path, "holds more than " + std::to_string(max_option_paths) + " entries");
      else
        list.push_back(std::move(text));
    };
    std::string_view element;
    if (type_of(value) == json_type::string)
      add(value);
    else if (type_of(value) != json_type::array)
      fault(path, "must be a list of strings");
    for (array_reader reader{value}; reader.next(element);)
      add(element);
    return list;
  }

  /// A list of dotted paths, also as one string with commas.
  std::vector<std::string> paths(const std::string& path, std::string_view value) {
    std::vector<std::string> list;
    for (const auto& entry : texts(path, value)) {
      std::string_view rest{entry};
      for (bool more = true; more;) {
        const auto comma = rest.find(',');
        more = comma != std::string_view::npos;
        auto one = rest.substr(0, comma);
        while (one.starts_with(' '))
          one.remove_prefix(1);
        while (one.ends_with(' '))
          one.remove_suffix(1);
        const auto segments = split_path(one);
        if (std::any_of(segments.begin(), segments.end(), [](const auto& s) { return s.empty(); }))
          fault(path, '"' + std::string{one} + "\" is no dotted path");
        else if (segments.size() > max_path_segments)
          fault(path, '"' + std::string{one} + "\" leads over more than " +
                          std::to_string(max_path_segments) + " members");
        else if (list.size() == max_option_paths) {
          fault(path, "holds more than " + std::to_string(max_option_paths) + " paths");
          return list;
        } else
          list.emplace_back(one);
        if (more)
          rest.remove_prefix(comma + 1);
      }
    }
    return list;
  }

  /// `expand` and `load-only`; false for another option.
  bool read_shape(const std::string& path, const json_member& m, projection& shape) {
    if (m.is("expand"))
      for (const auto& one : paths(path, m.value))
        shape.expand.add(one);
    else if (m.is("load-only") || m.is("load_only"))
      for (const auto& one : paths(path, m.value))
        shape.keep.add(one);
    else
      return false;
    return true;
  }

  void read_entity(const std::string& path, std::string name, std::string_view value) {
    if (!is_entity_option(name))
      return fault(path, "there is no such entity");
    pipeliner_entity_options made;
    made.name = std::move(name);
    std::string_view values, operators;
    each_member(path, value, [&](const std::string& inner, const json_member& m) {
      if (m.is("filter"))
        values = m.value;
      else if (m.is("filter-op") || m.is("filter_op"))
        operators = m.value;
      else if (m.is("on-field-change") && has_field_change(made.name))
        made.on_field_change = paths(inner, m.value);
      else if (!read_shape(inner, m, made.shape))
        fault(inner, "there is no such option");
    });
    if (!values.empty() || !operators.empty()) {
      filter_fault wrong;
      made.condition = compile_pipeliner_filter(values, operators, wrong);
      if (!made.condition)
        fault(path + ".filter" + (wrong.path.empty() ? "" : "." + wrong.path), wrong.detail);
    }
    result.entities.push_back(std::move(made));
  }

  std::vector<option_fault>& faults_;
};

} // namespace

const pipeliner_entity_options* pipeliner_options::for_event(const event& e) const {
  const std::string_view name = e.what == entity::CustomEntity && !e.custom_entity.empty()
                                    ? std::string_view{e.custom_entity}
                                    : to_string(e.what);
  const auto found = std::lower_bound(entities.begin(), entities.end(), name,
                                      [](const auto& o, std::string_view wanted) { return o.name < wanted; });
  return found == entities.end() || found->name != name ? nullptr : &*found;
}

std::optional<pipeliner_options> compile_pipeliner_options(std::string_view json,
                                                           std::vector<option_fault>& faults) {
  if (check_json(json) || type_of(trim_json(json)) != json_type::object) {
    faults.push_back({{}, "must be an object"});
    return std::nullopt;
  }
  options_reader reader{faults};
  json_member m;
  const auto before = faults.size();
  for (object_reader members{trim_json(json)}; members.next(m);)
    reader.read(m);
  if (faults.size() != before)
    return std::nullopt;
  std::sort(reader.result.entities.begin(), reader.result.entities.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  std::sort(reader.result.custom_entities.begin(), reader.result.custom_entities.end());
  return std::move(reader.result);
}

bool add_pipeliner_event(std::string_view name, wanted_actions& wanted) {
  const auto add = [&wanted](entity e, action_set actions) {
    auto& held = wanted[static_cast<std::size_t>(e)];
    held = static_cast<action_set>(held | actions);
  };
  if (name == "*") {
    for (std::size_t i = 0; i < entity_count; ++i)
      if (const auto e = static_cast<entity>(i); e != entity::Activity)
        add(e, actions_for(e));
    return true;
  }
  const auto dot = name.find('.');
  const auto e = parse_entity(name.substr(0, dot));
  if (dot == std::string_view::npos || !e || *e == entity::Activity)
    return false;
  const auto how = name.substr(dot + 1);
  if (how == "*") {
    add(*e, actions_for(*e));
    return true;
  }
  const auto a = parse_action(how);
  if (!a || !has_action(*e, *a))
    return false;
  add(*e, bit(*a));
  return true;
}

} // namespace carillon::domain
