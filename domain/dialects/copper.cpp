#include "domain/dialects/copper.hpp"

#include "domain/dialects/copper_body.hpp"
#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"
#include "domain/json_write.hpp"

#include <algorithm>
#include <chrono>

namespace carillon::domain {

namespace {

bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos;
}

bool same_header(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return lower(x) == lower(y);
  });
}

/// Reads one request's fields into a copy of the subscription and collects what is wrong.
class request_reader {
public:
  request_reader(copper_call call, const copper_checks& checks, const subscription& s)
      : call_(call), checks_(checks), target_(s.target), fields_(s.copper) {}

  void read(const json_member& m) {
    if (m.is("target"))
      read_target(m.value);
    else if (m.is("type"))
      read_name("Type", m.value, fields_.type, has_type_,
                [](auto name) { return copper_entity(name).has_value(); });
    else if (m.is("event"))
      read_name("Event", m.value, fields_.event, has_event_,
                [](auto name) { return copper_action(name).has_value(); });
    else if (m.is("secret"))
      read_pairs("Secret", m.value, fields_.secret);
    else if (m.is("headers"))
      read_pairs("Headers", m.value, fields_.headers);
    else if (m.is("custom_field_computed_values"))
      read_computed(m.value);
    else
      unknown_ += (unknown_.empty() ? "" : ", ") + m.name();
  }

  std::optional<copper_failure> finish(subscription& s) {
    std::vector<std::string> problems;
    if (!unknown_.empty())
      problems.push_back("Base: Unrecognized attributes specified: " + unknown_);
    if (call_ == copper_call::create) {
      if (!has_target_)
        problems.emplace_back("Target: can't be blank");
      if (!has_type_)
        problems.emplace_back("Type: can't be blank");
      if (!has_event_)
        problems.emplace_back("Event: can't be blank");
    }
    problems.insert(problems.end(), problems_.begin(), problems_.end());
    if (!problems.empty())
      return copper_failure{422, copper_validation_message(problems)};
    if (bad_target_)
      return copper_failure{422, std::string{copper_bad_target}};
    s.target = std::move(target_);
    s.copper = std::move(fields_);
    return std::nullopt;
  }

private:
  void read_target(std::string_view value) {
    has_target_ = true;
    if (type_of(value) == json_type::null || value == "\"\"") {
      problems_.emplace_back("Target: can't be blank");
      return;
    }
    target_ = type_of(value) == json_type::string ? string_value(value) : std::string{};
    bad_target_ = target_.empty() || (checks_.target && checks_.target(target_));
  }

  template <class Known>
  void read_name(const char* label, std::string_view value, std::string& field, bool& given, Known known) {
    given = true;
    if (type_of(value) == json_type::null || value == "\"\"")
      return problems_.push_back(std::string{label} + ": can't be blank");
    auto name = type_of(value) == json_type::string ? string_value(value) : std::string{};
    if (!known(name))
      return problems_.push_back(std::string{label} + ": is not included in the list");
    field = std::move(name);
  }

  void read_computed(std::string_view value) {
    if (type_of(value) == json_type::null)
      fields_.custom_field_computed_values.reset();
    else if (type_of(value) == json_type::boolean)
      fields_.custom_field_computed_values = value == "true";
    else
      problems_.emplace_back("Custom field computed values: must be a boolean");
  }

  void read_pairs(std::string_view label, std::string_view value, std::optional<string_pairs>& field) {
    const bool headers = label == "Headers";
    const auto problem = [&](std::string text) { problems_.push_back(std::string{label} + ": " + text); };
    if (type_of(value) == json_type::null)
      return field.reset();
    if (type_of(value) != json_type::object)
      return problem("must be an object of strings");
    string_pairs pairs;
    json_member m;
    for (object_reader reader{value}; reader.next(m);) {
      if (pairs.size() == max_copper_pairs)
        return problem("has more than " + std::to_string(max_copper_pairs) + " entries");
      auto name = m.name();
      if (type_of(m.value) != json_type::string)
        return problem("must be an object of strings");
      auto text = string_value(m.value);
      if (name.empty() || name.size() > max_copper_pair_name)
        return problem("a name must be 1 to " + std::to_string(max_copper_pair_name) + " bytes");
      if (text.size() > max_copper_pair_value)
        return problem(name + " is longer than " + std::to_string(max_copper_pair_value) + " bytes");
      if (headers)
        if (auto why = header_problem(name, text, pairs))
          return problem(name + ' ' + *why);
      pairs.emplace_back(std::move(name), std::move(text));
    }
    field = std::move(pairs);
  }

  std::optional<std::string> header_problem(const std::string& name, const std::string& value,
                                            const string_pairs& before) const {
    if (has_line_break(name) || has_line_break(value))
      return "holds a line break";
    if (std::any_of(before.begin(), before.end(),
                    [&](const auto& pair) { return same_header(pair.first, name); }))
      return "appears twice";
    return checks_.header ? checks_.header(name, value) : std::nullopt;
  }

  copper_call call_;
  const copper_checks& checks_;
  std::string target_;
  copper_fields fields_;
  bool has_target_ = false, has_type_ = false, has_event_ = false, bad_target_ = false;
  std::string unknown_;
  std::vector<std::string> problems_;
};

} // namespace

std::optional<copper_failure> apply_copper_request(std::string_view body, copper_call call,
                                                   const copper_checks& checks, subscription& s) {
  if (const auto fault = check_json(body))
    return copper_failure{400, "Invalid input: Not valid JSON at byte " + std::to_string(fault->offset) +
                                   ": " + fault->detail};
  body = trim_json(body);
  if (type_of(body) != json_type::object)
    return copper_failure{422, copper_validation_message({"Base: must be an object"})};
  request_reader request{call, checks, s};
  json_member m;
  for (object_reader reader{body}; reader.next(m);)
    request.read(m);
  return request.finish(s);
}

std::string render_copper_subscription(const subscription& s) {
  std::string out;
  object_writer object{out};
  object.number("id", raw(s.id)).text("target", s.target).text("type", s.copper.type);
  object.text("event", s.copper.event);
  if (s.copper.secret)
    object.pairs("secret", *s.copper.secret, false);
  if (s.copper.headers)
    object.pairs("headers", *s.copper.headers, false);
  if (s.copper.custom_field_computed_values)
    object.boolean("custom_field_computed_values", *s.copper.custom_field_computed_values);
  const auto created = std::chrono::floor<std::chrono::seconds>(s.created.time_since_epoch()).count();
  object.raw("created_at", std::to_string(created));
  object.close();
  return out;
}

std::string render_copper_list(const std::vector<const subscription*>& all) {
  std::string out = "[";
  for (const auto* s : all) {
    if (out.size() > 1)
      out += ',';
    out += render_copper_subscription(*s);
  }
  return out += ']';
}

std::string render_copper_deleted(subscription_id id) {
  return "{\"id\":" + std::to_string(raw(id)) + '}';
}

std::string render_copper_error(unsigned status, std::string_view message) {
  std::string out;
  object_writer object{out};
  object.boolean("success", false).number("status", status).text("message", message);
  object.close();
  return out;
}

std::string copper_validation_message(const std::vector<std::string>& problems) {
  std::string message = "Invalid input: Validation errors: ";
  for (const auto& problem : problems) {
    if (&problem != &problems.front())
      message += '\n';
    message += problem;
  }
  return message;
}

std::string copper_limit_message(std::uint32_t limit) {
  return copper_validation_message(
      {"Base: the limit of " + std::to_string(limit) + " active subscriptions is reached"});
}

} // namespace carillon::domain
