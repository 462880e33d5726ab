#include "api/json_body.hpp"

#include "api/problem.hpp"
#include "domain/json_gate.hpp"
#include "domain/rfc3339.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace carillon::api {

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

} // namespace

void require_json(const net::http_request& request) {
  const auto field = request.fields.find("Content-Type");
  if (!field)
    throw refusal{"unsupported-media-type", "send \"Content-Type: application/json\""};
  auto rest = std::string_view{*field};
  if (rest == "application/json")
    return;
  const auto type = lower(trim(rest.substr(0, rest.find(';'))));
  bool good = type == "application/json";
  while (good && rest.find(';') != std::string_view::npos) {
    rest.remove_prefix(rest.find(';') + 1);
    const auto parameter = lower(trim(rest.substr(0, rest.find(';'))));
    good = parameter.empty() || parameter == "charset=utf-8" || parameter == "charset=\"utf-8\"";
  }
  if (!good)
    throw refusal{"unsupported-media-type", "the body must be application/json in UTF-8"};
}

std::string_view require_valid(std::string_view body) {
  if (auto fault = domain::check_json(body))
    throw refusal{"malformed",
                  "the body is no valid JSON: " + fault->detail + " (at byte " +
                      std::to_string(fault->offset) + ")",
                  {{fault->pointer, fault->detail}}};
  return domain::trim_json(body);
}

object_body::object_body(std::string_view object, std::string pointer, faults& errors)
    : pointer_{std::move(pointer)}, errors_{errors} {
  if (const auto type = domain::type_of(object); type != domain::json_type::object)
    errors_.push_back({pointer_, "must be an object, not " + std::string{domain::describe(type)}});
  domain::json_member m;
  for (domain::object_reader reader{object}; reader.next(m);)
    members_.push_back({m.name(), m.value, false});
}

object_body::member* object_body::find(std::string_view name) {
  const auto it =
      std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.name == name; });
  if (it == members_.end())
    return nullptr;
  it->known = true;
  return &*it;
}

bool object_body::has(std::string_view name) {
  const auto* m = find(name);
  return m != nullptr && domain::type_of(m->value) != domain::json_type::null;
}

bool object_body::is_null(std::string_view name) {
  const auto* m = find(name);
  return m != nullptr && domain::type_of(m->value) == domain::json_type::null;
}

std::optional<std::string_view> object_body::value(std::string_view name, domain::json_type type) {
  if (!has(name))
    return std::nullopt;
  const auto given = find(name)->value;
  if (domain::type_of(given) == type)
    return given;
  fault(name, "must be " + std::string{domain::describe(type)} + ", not " +
                  std::string{domain::describe(domain::type_of(given))});
  return std::nullopt;
}

std::optional<std::string> object_body::text(std::string_view name, std::size_t least, std::size_t most) {
  const auto given = value(name, domain::json_type::string);
  if (!given)
    return std::nullopt;
  auto text = domain::string_value(*given);
  if (text.size() >= least && text.size() <= most)
    return text;
  fault(name, "must be " + std::to_string(least) + " to " + std::to_string(most) + " bytes");
  return std::nullopt;
}

std::optional<std::uint64_t> object_body::number(std::string_view name, std::uint64_t least,
                                                 std::uint64_t most) {
  const auto given = value(name, domain::json_type::number);
  if (!given)
    return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, ec] = std::from_chars(given->data(), given->data() + given->size(), number);
  if (ec == std::errc{} && end == given->data() + given->size() && number >= least && number <= most)
    return number;
  fault(name, most == std::numeric_limits<std::uint64_t>::max()
                  ? "must be a whole number"
                  : "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<domain::wall_time> object_body::time(std::string_view name) {
  const auto given = value(name, domain::json_type::string);
  if (!given)
    return std::nullopt;
  const auto time = domain::parse_rfc3339(domain::string_value(*given));
  if (!time)
    fault(name, "must be an RFC 3339 date-time, such as \"2024-10-14T16:15:54Z\"");
  return time;
}

std::optional<std::vector<std::string>> object_body::texts(std::string_view name, std::size_t least,
                                                           std::size_t most, std::size_t longest) {
  const auto given = value(name, domain::json_type::array);
  if (!given)
    return std::nullopt;
  std::vector<std::string> texts;
  bool good = true;
  std::size_t index = 0;
  std::string_view element;
  for (domain::array_reader reader{*given}; reader.next(element); ++index) {
    std::string text =
        domain::type_of(element) == domain::json_type::string ? domain::string_value(element) : "";
    if (text.empty() || text.size() > longest) {
      if (good)
        errors_.push_back({place(name) + '/' + std::to_string(index),
                           "must be a string of 1 to " + std::to_string(longest) + " bytes"});
      good = false;
    } else if (std::find(texts.begin(), texts.end(), text) == texts.end() && texts.size() <= most)
      texts.push_back(std::move(text));
  }
  if (good && (index < least || index > most)) {
    fault(name, "must have " + std::to_string(least) + " to " + std::to_string(most) + " entries");
    good = false;
  }
  return good ? std::optional{std::move(texts)} : std::nullopt;
}

std::optional<std::string> object_body::word(std::string_view name,
                                             std::initializer_list<std::string_view> words) {
  const auto given = value(name, domain::json_type::string);
  if (!given)
    return std::nullopt;
  auto text = domain::string_value(*given);
  if (std::find(words.begin(), words.end(), text) != words.end())
    return text;
  std::string list;
  for (const auto word : words)
    list += (list.empty() ? "\"" : ", \"") + std::string{word} + '"';
  fault(name, "must be one of " + list);
  return std::nullopt;
}

void object_body::require(std::string_view name) {
  if (!has(name))
    fault(name, "is required");
}

void object_body::fault(std::string_view name, std::string detail) {
  if (errors_.size() < domain::max_told_errors)
    errors_.push_back({place(name), std::move(detail)});
}

std::string object_body::place(std::string_view name) const {
  auto pointer = pointer_;
  domain::append_pointer(pointer, name);
  return pointer;
}

void object_body::finish() {
  for (const auto& m : members_)
    if (!m.known)
      fault(m.name, "is not known here");
}

void throw_faults(object_body::faults& errors, std::string_view what) {
  if (!errors.empty())
    throw refusal{"invalid",
                  std::string{what} + " is not valid: " + errors.front().pointer + ' ' +
                      errors.front().detail,
                  std::move(errors)};
}

} // namespace carillon::api
