#include "domain/event.hpp"

#include "crypto/hash.hpp"
#include "domain/entity_names.hpp"
#include "domain/event_lookups.hpp"
#include "domain/field_changes.hpp"
#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"
#include "domain/rfc3339.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace carillon::domain {

namespace {

enum class member : std::uint8_t {
  id,
  entity,
  action,
  record_id,
  record_ids,
  record,
  previous,
  changes,
  custom_entity,
  related,
  included,
  occurred_at,
  skip_key,
  derive,
};
constexpr std::array<std::string_view, 14> member_names{
    "id",      "entity",        "action",  "record_id", "record_ids",  "record",   "previous",
    "changes", "custom_entity", "related", "included",  "occurred_at", "skip_key", "derive"};

/// 2^53−1: beyond it a receiver that reads numbers as floating point gets another id.
constexpr std::string_view largest_safe = "9007199254740991";

bool visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool canonical_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         (text.size() == 1 || text.front() != '0');
}

bool safe_decimal(std::string_view text) {
  return canonical_digits(text) &&
         (text.size() < largest_safe.size() || (text.size() == largest_safe.size() && text <= largest_safe));
}

/// Reads one event's members and notes what is wrong with them.
class event_parser {
public:
  event_parser(event& target, std::string base, std::vector<field_error>& errors)
      : e_(target), base_(std::move(base)), errors_(errors) {}

  /// `target.bytes` holds the object. False when an error was noted.
  bool run() {
    const std::size_t before = noted_;
    json_member m;
    for (object_reader reader{e_.bytes}; reader.next(m);) {
      const auto name = m.name();
      const auto found = std::find(member_names.begin(), member_names.end(), name);
      if (found == member_names.end())
        note(name, "is no member of an event");
      else if (type_of(m.value) != json_type::null)
        read(static_cast<member>(found - member_names.begin()), name, m.value);
    }
    check_names();
    check_records();
    if (noted_ != before)
      return false;
    derive();
    return true;
  }

private:
  void note(std::string_view name, std::string detail, std::string_view below = {}) {
    ++noted_;
    if (errors_.size() >= max_told_errors)
      return;
    auto pointer = base_;
    if (!name.empty())
      append_pointer(pointer, name);
    pointer += below;
    errors_.push_back({std::move(pointer), std::move(detail)});
  }

  bool is(std::string_view name, std::string_view value, json_type wanted) {
    const auto type = type_of(value);
    if (type == wanted)
      return true;
    note(name, "must be " + std::string{describe(wanted)} + ", not " + std::string{describe(type)});
    return false;
  }

  void read(member which, std::string_view name, std::string_view value) {
    switch (which) {
    case member::id:
      if (is(name, value, json_type::string)) {
        e_.id = string_value(value);
        if (e_.id.empty() || e_.id.size() > max_event_id || !visible_ascii(e_.id))
          note(name, "must be 1 to 128 visible ASCII characters");
      }
      break;
    case member::entity:
      has_entity_ = true;
      if (is(name, value, json_type::string)) {
        const auto text = string_value(value);
        if (const auto parsed = parse_entity(text))
          e_.what = *parsed;
        else
          note(name, '"' + text + "\" is no entity");
      }
      break;
    case member::action:
      has_action_ = true;
      if (is(name, value, json_type::string)) {
        const auto text = string_value(value);
        if (const auto parsed = parse_action(text))
          e_.how = *parsed;
        else
          note(name, '"' + text + "\" is no action");
      }
      break;
    case member::record_id:
      has_record_id_ = true;
      read_record(name, value, {});
      break;
    case member::record_ids:
      has_record_ids_ = true;
      read_records(name, value);
      break;
    case member::record:
      if (is(name, value, json_type::object))
        e_.record = value;
      break;
    case member::previous:
      if (is(name, value, json_type::object))
        e_.previous = value;
      break;
    case member::changes:
      if (is(name, value, json_type::object)) {
        std::string below;
        if (auto problem = check_changes(value, changes_, below); !problem.empty())
          note(name, std::move(problem), below);
        else
          e_.changes = value;
      }
      break;
    case member::custom_entity:
      if (is(name, value, json_type::string)) {
        e_.custom_entity = string_value(value);
        if (e_.custom_entity.empty() || e_.custom_entity.size() > max_custom_entity ||
            !visible_ascii(e_.custom_entity))
          note(name, "must be 1 to 128 visible ASCII characters");
      }
      break;
    case member::related:
      if (is(name, value, json_type::object))
        e_.related = value;
      break;
    case member::included:
      if (is(name, value, json_type::object))
        e_.included = value;
      break;
    case member::occurred_at:
      if (is(name, value, json_type::string)) {
        e_.occurred_at = parse_rfc3339(string_value(value));
        e_.occurred = value;
        if (!e_.occurred_at)
          note(name, "must be an RFC 3339 date-time like \"2024-10-14T16:15:54.893Z\"");
      }
      break;
    case member::skip_key:
      read_skip_keys(name, value);
      break;
    case member::derive:
      if (is(name, value, json_type::boolean))
        e_.derive = value == "true";
      break;
    }
  }

  void read_record(std::string_view name, std::string_view value, std::string_view below) {
    const auto type = type_of(value);
    if (type == json_type::number) {
      if (!canonical_digits(value) || value.size() > max_record_id)
        return note(name, "a number must be an integer of at least 0", below);
      e_.records.push_back({std::string{value}, true});
    } else if (type == json_type::string) {
      auto text = string_value(value);
      if (text.empty() || text.size() > max_record_id || has_control(text))
        return note(name, "must be 1 to 256 bytes without control characters", below);
      const bool numeric = safe_decimal(text);
      e_.records.push_back({std::move(text), numeric});
    } else
      note(name, "must be a string or a number", below);
  }

  void read_records(std::string_view name, std::string_view value) {
    if (!is(name, value, json_type::array))
      return;
    std::size_t index = 0;
    std::string_view element;
    const std::size_t before = noted_;
    for (array_reader reader{value}; reader.next(element); ++index)
      read_record(name, element, '/' + std::to_string(index));
    if (index == 0)
      note(name, "must hold at least one id");
    if (noted_ != before || e_.records.size() < 2)
      return;
    std::unordered_set<std::string_view> seen;
    for (std::size_t i = 0; i < e_.records.size(); ++i)
      if (!seen.insert(e_.records[i].text).second)
        note(name, '"' + e_.records[i].text + "\" appears twice", '/' + std::to_string(i));
  }

  void read_skip_keys(std::string_view name, std::string_view value) {
    if (type_of(value) == json_type::string)
      return add_skip_key(name, value, {});
    if (type_of(value) != json_type::array)
      return note(name, "must be a string or an array of strings");
    std::size_t index = 0;
    std::string_view element;
    for (array_reader reader{value}; reader.next(element); ++index)
      add_skip_key(name, element, '/' + std::to_string(index));
    if (index > max_skip_keys)
      note(name, "holds more than " + std::to_string(max_skip_keys) + " keys");
  }

  void add_skip_key(std::string_view name, std::string_view value, std::string_view below) {
    if (type_of(value) != json_type::string)
      return note(name, "must be a string", below);
    auto text = string_value(value);
    if (text.empty() || text.size() > max_skip_key)
      return note(name, "must be 1 to 256 bytes", below);
    e_.skip_keys.push_back(std::move(text));
  }

  void check_names() {
    if (!has_entity_)
      note({}, "\"entity\" is missing");
    if (!has_action_)
      note({}, "\"action\" is missing");
    if (noted_ != 0 || !has_entity_ || !has_action_)
      return;
    if (!has_action(e_.what, e_.how))
      note("action", std::string{to_string(e_.what)} + " has no action " + std::string{to_string(e_.how)});
    if (!e_.custom_entity.empty() && e_.what != entity::CustomEntity)
      note("custom_entity", "goes with the entity CustomEntity only");
  }

  void check_records() {
    if (has_record_id_ == has_record_ids_)
      note({}, has_record_id_ ? "\"record_id\" and \"record_ids\" exclude each other"
                              : "\"record_id\" or \"record_ids\" is missing");
    if (!e_.previous.empty() && !e_.changes.empty())
      note("previous", "\"previous\" and \"changes\" exclude each other");
    else if (!e_.previous.empty() && e_.record.empty() && e_.records.size() < 2)
      note("previous", "needs \"record\" to be compared with");
    if (e_.records.size() < 2)
      return;
    if (!e_.record.empty())
      note("record", "may not come along with several record ids");
    if (!e_.previous.empty())
      note("previous", "may not come along with several record ids");
  }

  /// Fills what follows from the members: changed fields, actions.
  void derive() {
    e_.action_bits = bit(e_.how);
    if (e_.changes.empty() && e_.previous.empty())
      return;
    const auto changes = e_.changes.empty() ? compare_records(e_.previous, e_.record) : std::move(changes_);
    auto& names = e_.changed_fields.emplace();
    names.reserve(changes.size());
    for (const auto& change : changes) {
      names.push_back(change.path());
      if (e_.how == action::Update && e_.derive && !change.custom)
        e_.action_bits |= derived(change);
    }
    e_.action_bits &= actions_for(e_.what);
  }

  /// Pipeliner's documented meaning of the named actions, in terms of changed fields.
  action_set derived(const field_change& change) const {
    if (change.name == "step_id")
      return bit(action::Move);
    if (change.name == "owner_id")
      return bit(action::OwnerChanged);
    if (change.name != "status")
      return 0;
    auto name =
        type_of(change.after) == json_type::string ? string_value(change.after) : std::string{change.after};
    if (name.size() == 1 && name[0] >= '0' && name[0] <= '9') {
      const auto* value = find_enum(e_.what, "status", name[0] - '0');
      name = value == nullptr ? std::string_view{} : value->name;
    }
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    return name == "lost" ? bit(action::Lost) : name == "won" ? bit(action::Won) : action_set{0};
  }

  event& e_;
  std::string base_;
  std::vector<field_error>& errors_;
  std::vector<field_change> changes_; ///< of the member `changes`
  std::size_t noted_ = 0;
  bool has_entity_ = false, has_action_ = false, has_record_id_ = false, has_record_ids_ = false;
};

std::shared_ptr<event> read_event(std::string_view object, std::string base,
                                  std::vector<field_error>& errors) {
  auto e = std::make_shared<event>();
  e->bytes = object;
  if (!event_parser{*e, std::move(base), errors}.run())
    return nullptr;
  const auto digest = crypto::sha256(e->bytes);
  std::copy_n(digest.begin(), e->digest.size(), e->digest.begin());
  return e;
}

std::string one_line(const json_fault& fault) {
  return "The body is no valid JSON: " + fault.detail + " (at byte " + std::to_string(fault.offset) + ").";
}

/// Reads the events of `body`, whose elements are these when it is an array, into `result`; errors go to
/// `error`.
void read_events(std::string_view body, const std::vector<std::string_view>& elements,
                 const event_limits& limits, parsed_events& result, parse_error& error) {
  if (type_of(body) == json_type::object) {
    if (auto e = read_event(body, "#", error.errors))
      result.events.push_back(std::move(e));
    return;
  }
  result.was_array = true;
  result.events.reserve(std::min(elements.size(), limits.max_events));
  for (std::size_t index = 0; index < elements.size(); ++index) {
    const auto element = elements[index];
    if (index == limits.max_events) {
      error.what = parse_error::kind::too_many;
      error.detail = "A request holds at most " + std::to_string(limits.max_events) + " events.";
      error.errors.clear();
      return;
    }
    std::string base = "#/" + std::to_string(index);
    if (type_of(element) != json_type::object) {
      if (error.errors.size() < max_told_errors)
        error.errors.push_back({std::move(base), "an event must be an object"});
    } else if (auto e = read_event(element, std::move(base), error.errors))
      result.events.push_back(std::move(e));
  }
  if (elements.empty())
    error.errors.push_back({"#", "must hold at least one event"});
}

void check_together(const parsed_events& parsed, const event_limits& limits, parse_error& error) {
  std::size_t records = 0;
  for (const auto& e : parsed.events)
    records += e->records.size();
  if (records > limits.max_records) {
    error.what = parse_error::kind::too_many;
    error.detail = "A request names at most " + std::to_string(limits.max_records) +
                   " record ids; this one has " + std::to_string(records) + '.';
    return;
  }
  if (parsed.events.size() < 2)
    return;
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < parsed.events.size(); ++i) {
    const auto& id = parsed.events[i]->id;
    if (!id.empty() && !seen.insert(id).second && error.errors.size() < max_told_errors)
      error.errors.push_back({"#/" + std::to_string(i) + "/id", '"' + id + "\" is the id of two events"});
  }
}

} // namespace

event::event() = default;
event::~event() = default;

std::optional<parsed_events> parse_events(std::string_view body, const event_limits& limits,
                                          parse_error& error) {
  error = {};
  std::vector<std::string_view> elements;
  if (auto fault = check_json(body, elements)) {
    error.detail = one_line(*fault);
    error.errors.push_back({std::move(fault->pointer), std::move(fault->detail)});
    return std::nullopt;
  }
  body = trim_json(body);
  error.what = parse_error::kind::meaning;
  if (const auto type = type_of(body); type != json_type::object && type != json_type::array) {
    error.detail = "The body must be one event or an array of events.";
    error.errors.push_back({"#", "must be an object or an array"});
    return std::nullopt;
  }
  parsed_events result;
  read_events(body, elements, limits, result, error);
  if (error.errors.empty() && error.detail.empty())
    check_together(result, limits, error);
  if (error.errors.empty() && error.detail.empty()) {
    error = {};
    return result;
  }
  if (error.detail.empty())
    error.detail = error.errors.size() == 1 ? "An event is not valid: " + error.errors[0].detail + '.'
                                            : "Events are not valid; see errors.";
  return std::nullopt;
}

event_ptr parse_stored_event(std::string_view bytes) {
  if (check_json(bytes))
    return nullptr;
  bytes = trim_json(bytes);
  if (type_of(bytes) != json_type::object)
    return nullptr;
  std::vector<field_error> errors;
  return read_event(bytes, "#", errors);
}

} // namespace carillon::domain
