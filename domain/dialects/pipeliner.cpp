#include "domain/dialects/pipeliner.hpp"

#include "crypto/hash.hpp"
#include "domain/dialects/pipeliner_options.hpp"
#include "domain/json_slices.hpp"
#include "domain/json_write.hpp"
#include "domain/rfc3339.hpp"

#include <algorithm>
#include <array>

namespace carillon::domain {

namespace {

struct status_code {
  unsigned status;
  std::string_view name;
};
constexpr std::array status_codes{
    status_code{400, "ERROR_BAD_REQUEST"},        status_code{401, "ERROR_UNAUTHORIZED"},
    status_code{403, "ERROR_FORBIDDEN"},          status_code{404, "ERROR_NOT_FOUND"},
    status_code{405, "ERROR_METHOD_NOT_ALLOWED"}, status_code{408, "ERROR_REQUEST_TIMEOUT"},
    status_code{409, "ERROR_CONFLICT"},           status_code{413, "ERROR_TOO_LARGE"},
    status_code{417, "ERROR_EXPECTATION_FAILED"}, status_code{429, "ERROR_TOO_MANY_REQUESTS"},
    status_code{431, "ERROR_HEAD_TOO_LARGE"},     status_code{500, "ERROR_INTERNAL"},
    status_code{503, "ERROR_UNAVAILABLE"},        status_code{505, "ERROR_HTTP_VERSION"}};

/// What a client may send back as it was shown; only Carillon sets it.
constexpr std::array<std::string_view, 9> read_only{"id",      "is_deleted",     "is_delete_protected",
                                                    "created", "modified",       "application",
                                                    "client",  "application_id", "client_id"};

std::string_view field_of(std::string_view path) {
  return path.substr(0, path.find('.'));
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36)
    return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex)
      return false;
  }
  return true;
}

void append_error(std::string& out, const pipeliner_field_error& e) {
  object_writer object{out};
  object.number("code", e.code.code).text("name", e.code.name).text("message", e.message);
  object.text("field_id", e.path).text("field_name", e.path);
  object.close();
}

/// One entry per field, with all that is wrong with it.
void append_field_errors(std::string& out, const std::vector<pipeliner_field_error>& all) {
  std::vector<std::string_view> fields;
  for (const auto& e : all)
    if (std::find(fields.begin(), fields.end(), field_of(e.path)) == fields.end())
      fields.push_back(field_of(e.path));
  out += '[';
  for (const auto field : fields) {
    if (field != fields.front())
      out += ',';
    object_writer object{out};
    object.text("field_id", field).text("field_name", field);
    object.text("name", field_invalid.name).number("code", field_invalid.code);
    auto& list = object.open("errors");
    list += '[';
    for (const auto& e : all) {
      if (field_of(e.path) != field)
        continue;
      if (list.back() != '[')
        list += ',';
      append_error(list, e);
    }
    list += ']';
    object.close();
  }
  out += ']';
}

/// Reads one object's fields into a copy of the subscription's and collects what is wrong.
class request_reader {
public:
  request_reader(const pipeliner_checks& checks, const subscription& s)
      : checks_(checks), target_(s.target), insecure_ssl_(s.insecure_ssl), fields_(s.pipeliner) {}

  void read(const json_member& m) {
    if (m.is("insecure_ssl"))
      read_insecure(m.value);
    else if (m.is("url"))
      read_url(m.value);
    else if (m.is("events"))
      read_events(m.value);
    else if (m.is("options"))
      read_options(m.value);
    else if (m.is("signature"))
      read_signature(m.value);
    else if (const auto name = m.name();
             std::find(read_only.begin(), read_only.end(), name) == read_only.end())
      fault(name, "there is no such field");
  }

  /// Notes fields that must be there and are not.
  void require_all() {
    for (const auto& [name, given] : {std::pair{"insecure_ssl", has_insecure_}, std::pair{"url", has_url_},
                                      std::pair{"events", has_events_}})
      if (!given)
        errors_.push_back({parameter_missing, name, std::string{name} + " must be given"});
  }

  std::optional<pipeliner_failure> finish(subscription& s) {
    if (!errors_.empty()) {
      pipeliner_failure failure;
      failure.code = entity_invalid;
      failure.message = "the webhook is not valid";
      failure.entity_id = s.pipeliner.uuid;
      failure.fields = std::move(errors_);
      return failure;
    }
    s.target = std::move(target_);
    s.insecure_ssl = insecure_ssl_;
    s.pipeliner = std::move(fields_);
    return std::nullopt;
  }

private:
  void fault(std::string path, std::string message) {
    if (errors_.size() < max_told_errors)
      errors_.push_back({parameter_invalid, std::move(path), std::move(message)});
  }

  void read_insecure(std::string_view value) {
    has_insecure_ = true;
    if (type_of(value) != json_type::boolean)
      return fault("insecure_ssl", "insecure_ssl must be a boolean");
    insecure_ssl_ = value == "true";
    if (insecure_ssl_ && !checks_.allow_insecure_ssl)
      fault("insecure_ssl", "this service checks certificates always: insecure_ssl must be false");
  }

  void read_url(std::string_view value) {
    has_url_ = true;
    if (type_of(value) != json_type::string)
      return fault("url", "url must be a string");
    target_ = string_value(value);
    if (checks_.target)
      if (auto why = checks_.target(target_))
        fault("url", "url is not valid: " + *why);
  }

  void read_events(std::string_view value) {
    has_events_ = true;
    if (type_of(value) != json_type::array)
      return fault("events", "events must be a list of event names");
    std::vector<std::string> names;
    wanted_actions known{};
    std::string_view element;
    for (array_reader reader{value}; reader.next(element);) {
      if (type_of(element) != json_type::string)
        return fault("events", "events must be a list of event names");
      auto name = string_value(element);
      if (!add_pipeliner_event(name, known))
        fault("events", "there is no event \"" + name.substr(0, 100) + '"');
      else if (std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(std::move(name));
    }
    if (names.empty() && errors_.empty())
      fault("events", "events must hold at least one event");
    if (names.size() > max_pipeliner_events)
      fault("events", "events must hold at most " + std::to_string(max_pipeliner_events) + " names");
    fields_.events = std::move(names);
  }

  void read_options(std::string_view value) {
    if (type_of(value) == json_type::null)
      value = "{}";
    if (value.size() > max_pipeliner_options)
      return fault("options",
                   "options must have at most " + std::to_string(max_pipeliner_options) + " bytes");
    std::vector<option_fault> faults;
    if (!compile_pipeliner_options(value, faults))
      for (auto& f : faults) {
        const auto path = f.path.empty() ? std::string{"options"} : "options." + f.path;
        fault(path, path + ": " + f.detail);
      }
    fields_.options = value;
  }

  void read_signature(std::string_view value) {
    if (type_of(value) == json_type::null || value == "\"\"")
      return fields_.signature.reset();
    auto text = type_of(value) == json_type::string ? string_value(value) : std::string{};
    if (!is_uuid(text))
      return fault("signature", "signature must be a UUID");
    fields_.signature = std::move(text);
  }

  const pipeliner_checks& checks_;
  std::string target_;
  bool insecure_ssl_;
  pipeliner_fields fields_;
  bool has_insecure_ = false, has_url_ = false, has_events_ = false;
  std::vector<pipeliner_field_error> errors_;
};

/// A relation as records carry it: its URI, and its id.
void relation(object_writer& object, std::string_view name, std::string_view entities, std::string_view type,
              std::string_view id) {
  const auto id_name = std::string{name} + "_id";
  if (id.empty()) {
    object.null(name).null(id_name);
    return;
  }
  object.text(name, std::string{entities} + '/' + std::string{type} + '/' + std::string{id})
      .text(id_name, id);
}

} // namespace

pipeliner_code pipeliner_code_of(unsigned status) {
  const auto found = std::find_if(status_codes.begin(), status_codes.end(),
                                  [status](const auto& entry) { return entry.status == status; });
  return found == status_codes.end() ? pipeliner_code{500, "ERROR_INTERNAL"}
                                     : pipeliner_code{status, found->name};
}

std::string render_pipeliner_failure(const pipeliner_failure& failure) {
  std::string out;
  object_writer object{out};
  object.boolean("success", false).number("http_status", failure.status);
  object.number("code", failure.code.code).text("name", failure.code.name).text("message", failure.message);
  if (failure.code.code == entity_invalid.code) {
    if (failure.entity_id.empty())
      object.null("entity_id");
    else
      object.text("entity_id", failure.entity_id);
    object.text("entity_name", failure.entity);
    auto& whole = object.open("entity_errors");
    whole += '[';
    if (failure.fields.empty())
      object_writer{whole}
          .number("code", failure.reason.code)
          .text("name", failure.reason.name)
          .text("message", failure.message)
          .close();
    whole += ']';
    append_field_errors(object.open("field_errors"), failure.fields);
    object.raw("step_checklist_errors", "[]");
  }
  if (failure.index)
    object.number("entity_index", *failure.index);
  else if (failure.code.code == entity_invalid.code)
    object.null("entity_index");
  object.close();
  return out;
}

std::optional<pipeliner_failure> apply_pipeliner_request(std::string_view object, pipeliner_call call,
                                                         const pipeliner_checks& checks, subscription& s) {
  object = trim_json(object);
  if (type_of(object) != json_type::object) {
    pipeliner_failure failure;
    failure.status = 400;
    failure.code = parameter_invalid;
    failure.message = "a webhook must be an object";
    return failure;
  }
  request_reader request{checks, s};
  json_member m;
  for (object_reader reader{object}; reader.next(m);)
    request.read(m);
  if (call == pipeliner_call::create)
    request.require_all();
  return request.finish(s);
}

pipeliner_failure pipeliner_limit_failure(std::uint32_t limit) {
  pipeliner_failure failure;
  failure.code = entity_invalid;
  failure.reason = limit_reached;
  failure.message = "the limit of " + std::to_string(limit) + " active subscriptions is reached";
  return failure;
}

std::string pipeliner_entities_path(std::string_view account) {
  return "/api/v100/rest/spaces/" + std::string{account} + "/entities";
}

const std::vector<std::string>& pipeliner_webhook_fields() {
  static const std::vector<std::string> fields{
      "id",     "is_deleted", "is_delete_protected", "created", "modified", "application", "application_id",
      "client", "client_id",  "insecure_ssl",        "url",     "events",   "options",     "signature"};
  return fields;
}

std::string render_pipeliner_webhook(const subscription& s, std::string_view entities) {
  const auto& webhook = s.pipeliner;
  std::string out;
  object_writer object{out};
  object.text("id", webhook.uuid).boolean("is_deleted", webhook.deleted.has_value());
  object.boolean("is_delete_protected", false);
  object.text("created", format_spaced(s.created)).text("modified", format_spaced(s.modified));
  relation(object, "application", entities, "Applications", webhook.application_id);
  relation(object, "client", entities, "Clients", {});
  object.boolean("insecure_ssl", s.insecure_ssl).text("url", s.target).texts("events", webhook.events);
  object.raw("options", webhook.options);
  if (webhook.signature)
    object.text("signature", *webhook.signature);
  else
    object.null("signature");
  object.close();
  return out;
}

const std::vector<std::string>& pipeliner_event_fields() {
  static const std::vector<std::string> fields{
      "id", "is_deleted", "is_delete_protected", "created", "modified", "event", "webhook", "webhook_id"};
  return fields;
}

std::string render_pipeliner_event(const subscription& s, std::string_view event, std::string_view entities) {
  std::string out;
  object_writer object{out};
  object.text("id", pipeliner_event_id(s.pipeliner.uuid, event));
  object.boolean("is_deleted", s.pipeliner.deleted.has_value()).boolean("is_delete_protected", false);
  object.text("created", format_spaced(s.created)).text("modified", format_spaced(s.modified));
  object.text("event", event);
  relation(object, "webhook", entities, "Webhooks", s.pipeliner.uuid);
  object.close();
  return out;
}

std::string pipeliner_event_id(std::string_view webhook_uuid, std::string_view event) {
  auto bytes = crypto::sha256(std::string{webhook_uuid} + '/' + std::string{event});
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | 0x80); // version 8: by a rule of our own
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);
  auto hex = crypto::to_hex(std::span{bytes}.first(16));
  for (const std::size_t dash : {8, 13, 18, 23})
    hex.insert(dash, 1, '-');
  return hex;
}

} // namespace carillon::domain
