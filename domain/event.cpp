#include "domain/event.hpp"

#include "crypto/hash.hpp"
#include "domain/entity_names.hpp"
#include "domain/event_lookups.hpp"
#include "domain/field_changes.hpp"
#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"
#include "domain/rfc3339.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <array>
#include <functional>
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

/// The parts of an event that are read: the request's array, the event, its `changes`, `custom_fields` among
/// them, and the pair of a custom field.
constexpr std::size_t outlined_depth = 5;
/// Values of an outline whose memory a thread keeps between two requests; 24 bytes each.
constexpr std::size_t kept_values = 16 * 1024;
/// Of the fields that an event changes.
constexpr std::size_t usual_changes = 8;

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

/// The text of a string value: in place where it holds no escape, else in `buffer`.
std::string_view plain_text(std::string_view value, std::string& buffer) {
  const auto raw = value.substr(1, value.size() - 2);
  return raw.find('\\') == std::string_view::npos ? raw : std::string_view{buffer = unescape_json(raw)};
}

/// The outline that a thread uses for one request after the other, so that it needs no memory each time.
class borrowed_outline {
public:
  borrowed_outline() = default;
  borrowed_outline(const borrowed_outline&) = delete;
  borrowed_outline& operator=(const borrowed_outline&) = delete;
  ~borrowed_outline() { of_thread().keep_at_most(kept_values); }
  json_outline& operator*() const { return of_thread(); }

private:
  static json_outline& of_thread() {
    thread_local json_outline outline{outlined_depth};
    return outline;
  }
};

/// Where in its request an event stands.
struct event_place {
  std::optional<std::size_t> index = std::nullopt; ///< none: it is the request

  std::string pointer() const { return index ? "#/" + std::to_string(*index) : "#"; }
};

/// Reads one event's members and notes what is wrong with them.
class event_parser {
public:
  event_parser(event& target, const event_place& where, std::vector<field_error>& errors)
      : e_(target), where_(where), errors_(errors) {}

  /// `target.bytes` holds the object, whose members these are. False when an error was noted.
  bool run(json_outline::reader members) {
    const std::size_t before = noted_;
    std::string unescaped;
    json_part m;
    while (members.next(m)) {
      const auto name = m.escaped ? std::string_view{unescaped = m.name()} : m.key;
      const auto found = find_word(member_names, name);
      if (found == member_names.end())
        note(name, "is no member of an event");
      else if (type_of(m.value) != json_type::null)
        read(static_cast<member>(found - member_names.begin()), name, m);
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
    auto pointer = where_.pointer();
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

  void read(member which, std::string_view name, const json_part& m) {
    const auto value = m.value;
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
        std::string buffer;
        if (const auto parsed = parse_entity(plain_text(value, buffer)))
          e_.what = *parsed;
        else
          note(name, '"' + string_value(value) + "\" is no entity");
      }
      break;
    case member::action:
      has_action_ = true;
      if (is(name, value, json_type::string)) {
        std::string buffer;
        if (const auto parsed = parse_action(plain_text(value, buffer)))
          e_.how = *parsed;
        else
          note(name, '"' + string_value(value) + "\" is no action");
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
        changes_.reserve(usual_changes);
        std::string below;
        if (auto problem = check_changes(m.inside, changes_, below); !problem.empty())
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
    auto changes = e_.changes.empty() ? compare_records(e_.previous, e_.record) : std::move(changes_);
    auto& names = e_.changed_fields.emplace();
    names.reserve(changes.size());
    for (auto& change : changes) {
      if (e_.how == action::Update && e_.derive && !change.custom)
        e_.action_bits |= derived(change);
      names.push_back(change.custom ? change.path() : std::move(change.name));
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
  const event_place& where_;
  std::vector<field_error>& errors_;
  std::vector<field_change> changes_; ///< of the member `changes`
  std::size_t noted_ = 0;
  bool has_entity_ = false, has_action_ = false, has_record_id_ = false, has_record_ids_ = false;
};

/// `object` lies at `from` in the outlined text, and these are its members.
std::shared_ptr<event> read_event(std::string_view object, std::size_t from, json_outline::reader members,
                                  const event_place& where, std::vector<field_error>& errors) {
  auto e = std::make_shared<event>();
  e->bytes = object;
  if (!event_parser{*e, where, errors}.run(members.in_copy(e->bytes.data(), from)))
    return nullptr;
  e->digest = crypto::fingerprint(e->bytes);
  return e;
}

std::string one_line(const json_fault& fault) {
  return "The body is no valid JSON: " + fault.detail + " (at byte " + std::to_string(fault.offset) + ").";
}

/// Reads the events of the outlined `text` into `result`; errors go to `error`.
void read_events(std::string_view text, const json_outline& outline, const event_limits& limits,
                 parsed_events& result, parse_error& error) {
  const auto place = [text](std::string_view value) {
    return static_cast<std::size_t>(value.data() - text.data());
  };
  auto values = outline.values(text);
  if (const auto body = trim_json(text); type_of(body) == json_type::object) {
    if (auto e = read_event(body, place(body), values, {}, error.errors))
      result.events.push_back(std::move(e));
    return;
  }
  result.was_array = true;
  std::size_t index = 0;
  for (json_part element; values.next(element); ++index) {
    if (index == limits.max_events) {
      error.what = parse_error::kind::too_many;
      error.detail = "A request holds at most " + std::to_string(limits.max_events) + " events.";
      error.errors.clear();
      return;
    }
    const event_place where{index};
    if (type_of(element.value) != json_type::object) {
      if (error.errors.size() < max_told_errors)
        error.errors.push_back({where.pointer(), "an event must be an object"});
    } else if (auto e = read_event(element.value, place(element.value), element.inside, where, error.errors))
      result.events.push_back(std::move(e));
  }
  if (index == 0)
    error.errors.push_back({"#", "must hold at least one event"});
}

/// Whether the ids that were given surely differ: by their hashes, which costs no memory for each.
bool all_ids_differ(const std::vector<event_ptr>& events) {
  boost::container::small_vector<std::size_t, 128> hashes;
  for (const auto& e : events)
    if (!e->id.empty())
      hashes.push_back(std::hash<std::string_view>{}(e->id));
  std::sort(hashes.begin(), hashes.end());
  return std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end();
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
  if (all_ids_differ(parsed.events))
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
  const borrowed_outline outline;
  const auto text = body;
  if (auto fault = check_json(text, *outline)) {
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
  read_events(text, *outline, limits, result, error);
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
  const borrowed_outline outline;
  const auto text = bytes;
  if (check_json(text, *outline))
    return nullptr;
  bytes = trim_json(bytes);
  if (type_of(bytes) != json_type::object)
    return nullptr;
  std::vector<field_error> errors;
  const auto from = static_cast<std::size_t>(bytes.data() - text.data());
  return read_event(bytes, from, (*outline).values(text), {}, errors);
}

} // namespace carillon::domain
