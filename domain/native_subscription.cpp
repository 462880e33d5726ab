#include "domain/native_subscription.hpp"

#include "domain/filter.hpp"
#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"
#include "domain/json_write.hpp"
#include "domain/rfc3339.hpp"

#include <algorithm>

namespace carillon::domain {

namespace {

constexpr std::string_view paused_by_owner = "paused by its owner";

/// Reads the members of one PATCH body and notes what is wrong with them.
class patch_reader {
public:
  explicit patch_reader(std::vector<field_error>& errors) : errors_(errors) {}

  void read(const json_member& m) {
    name_ = m.name();
    const bool reset = type_of(m.value) == json_type::null;
    if (name_ == "status")
      read_status(m.value, reset);
    else if (name_ == "description")
      read_description(m.value, reset);
    else if (name_ == "filter")
      read_filter(m.value, reset);
    else if (name_ == "on_field_change")
      patch.on_field_change = texts(m.value, reset, max_watched_fields, max_watched_field);
    else if (name_ == "skip_keys")
      patch.skip_keys = texts(m.value, reset, max_subscription_skip_keys, max_skip_key);
    else if (name_ == "ordered") {
      if (reset || is(m.value, json_type::boolean))
        patch.ordered = m.value == "true";
    } else
      note("is no member of a subscription that can be changed");
  }

  native_patch patch;

private:
  void note(std::string detail, std::string_view below = {}) {
    if (errors_.size() >= max_told_errors)
      return;
    auto& error = errors_.emplace_back(field_error{"#", std::move(detail)});
    append_pointer(error.pointer, name_);
    error.pointer += below;
  }

  bool is(std::string_view value, json_type wanted) {
    const auto type = type_of(value);
    if (type == wanted)
      return true;
    note("must be " + std::string{describe(wanted)} + ", not " + std::string{describe(type)});
    return false;
  }

  void read_status(std::string_view value, bool reset) {
    if (reset || string_is(value, "active"))
      patch.status = subscription_status::active;
    else if (string_is(value, "paused"))
      patch.status = subscription_status::paused;
    else
      note("must be \"active\" or \"paused\"");
  }

  void read_description(std::string_view value, bool reset) {
    if (!reset && !is(value, json_type::string))
      return;
    patch.description = reset ? std::string{} : string_value(value);
    if (patch.description->size() > max_description)
      note("must be at most " + std::to_string(max_description) + " bytes");
  }

  void read_filter(std::string_view value, bool reset) {
    if (!reset && !is(value, json_type::object))
      return;
    patch.filter = reset ? std::string{} : std::string{value};
    if (reset)
      return;
    if (value.size() > max_filter_bytes)
      return note("must be at most " + std::to_string(max_filter_bytes) + " bytes");
    filter_fault fault;
    if (!compile_filter(value, fault)) {
      std::string below;
      if (!fault.path.empty())
        append_pointer(below, fault.path);
      note(std::move(fault.detail), below);
    }
  }

  std::optional<std::vector<std::string>> texts(std::string_view value, bool reset, std::size_t most,
                                                std::size_t longest) {
    std::vector<std::string> result;
    if (reset)
      return result;
    if (!is(value, json_type::array))
      return std::nullopt;
    std::size_t index = 0;
    std::string_view element;
    for (array_reader reader{value}; reader.next(element); ++index) {
      const auto below = '/' + std::to_string(index);
      if (type_of(element) != json_type::string) {
        note("must be a string", below);
        continue;
      }
      auto text = string_value(element);
      if (text.empty() || text.size() > longest)
        note("must be 1 to " + std::to_string(longest) + " bytes", below);
      else if (std::find(result.begin(), result.end(), text) != result.end())
        note("appears twice", below);
      else if (result.size() < most)
        result.push_back(std::move(text));
    }
    if (index > most)
      note("holds more than " + std::to_string(most) + " entries");
    return result;
  }

  std::vector<field_error>& errors_;
  std::string name_;
};

void render_copper_part(object_writer& object, const copper_fields& copper) {
  object_writer part{object.open("copper")};
  part.text("type", copper.type).text("event", copper.event);
  if (copper.custom_field_computed_values)
    part.boolean("custom_field_computed_values", *copper.custom_field_computed_values);
  if (copper.headers)
    part.pairs("headers", *copper.headers, true);
  if (copper.secret)
    part.pairs("secret", *copper.secret, true);
  part.close();
}

void render_pipeliner_part(object_writer& object, const subscription& s) {
  const auto& pipeliner = s.pipeliner;
  object_writer part{object.open("pipeliner")};
  part.text("id", pipeliner.uuid).texts("events", pipeliner.events).raw("options", pipeliner.options);
  part.boolean("insecure_ssl", s.insecure_ssl).boolean("is_deleted", pipeliner.deleted.has_value());
  if (pipeliner.signature)
    part.text("signature", secret_mask);
  part.close();
}

} // namespace

std::optional<native_patch> parse_native_patch(std::string_view body, parse_error& error) {
  error = {};
  if (auto fault = check_json(body)) {
    error.detail =
        "The body is no valid JSON: " + fault->detail + " (at byte " + std::to_string(fault->offset) + ").";
    error.errors.push_back({std::move(fault->pointer), std::move(fault->detail)});
    return std::nullopt;
  }
  body = trim_json(body);
  error.what = parse_error::kind::meaning;
  error.detail = "The subscription's change is not valid.";
  if (type_of(body) != json_type::object) {
    error.errors.push_back({"#", "must be an object"});
    return std::nullopt;
  }
  patch_reader reader{error.errors};
  json_member m;
  for (object_reader members{body}; members.next(m);)
    reader.read(m);
  if (!error.errors.empty())
    return std::nullopt;
  error = {};
  return std::move(reader.patch);
}

void apply_native_patch(const native_patch& patch, wall_time now, subscription& s) {
  if (patch.status && (*patch.status != s.status)) {
    s.status = *patch.status;
    s.status_since = now;
    s.status_reason = s.status == subscription_status::paused ? paused_by_owner : std::string_view{};
    if (s.status == subscription_status::active) {
      s.consecutive_failures = 0;
      s.first_failure.reset();
    }
  }
  if (!patch.makes_revision())
    return;
  ++s.revision;
  s.modified = now;
  if (patch.description)
    s.description = *patch.description;
  if (patch.filter)
    s.filter = *patch.filter;
  if (patch.on_field_change)
    s.on_field_change = *patch.on_field_change;
  if (patch.skip_keys)
    s.skip_keys = *patch.skip_keys;
  if (patch.ordered)
    s.ordered = *patch.ordered;
}

std::string render_native_subscription(const subscription& s) {
  std::string out;
  object_writer object{out};
  object.text("id", std::to_string(raw(s.id))).text("dialect", to_string(s.speaks)).text("target", s.target);
  object.text("status", to_string(s.status));
  if (s.status_reason.empty())
    object.null("status_reason");
  else
    object.text("status_reason", s.status_reason);
  object.text("status_since", format_rfc3339(s.status_since));
  object.number("consecutive_failures", s.consecutive_failures);
  object.text("description", s.description);
  object.raw("filter", s.filter.empty() ? "null" : std::string_view{s.filter});
  object.texts("on_field_change", s.on_field_change).texts("skip_keys", s.skip_keys);
  object.boolean("ordered", s.ordered);
  object.boolean("has_secret", !s.signing.current.empty());
  if (s.speaks == dialect::copper)
    render_copper_part(object, s.copper);
  else
    render_pipeliner_part(object, s);
  object.text("created_at", format_rfc3339(s.created)).text("updated_at", format_rfc3339(s.modified));
  object.close();
  return out;
}

} // namespace carillon::domain
