#include "api/query.hpp"

#include "api/problem.hpp"
#include "domain/json_write.hpp"
#include "domain/public_id.hpp"

#include <algorithm>
#include <charconv>

namespace carillon::api {

void allow_parameters(const net::http_request& request, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : request.query)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw refusal{"invalid-parameter",
                    "the query parameter \"" + name.substr(0, 64) + "\" is not known here"};
}

std::uint32_t number_parameter(const net::http_request& request, std::string_view name, std::uint32_t least,
                               std::uint32_t most, std::uint32_t otherwise) {
  const auto text = request.query_value(name);
  if (!text)
    return otherwise;
  std::uint32_t number = 0;
  const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (ec != std::errc{} || end != text->data() + text->size() || number < least || number > most)
    throw refusal{"invalid-parameter", std::string{name} + " must be a whole number from " +
                                           std::to_string(least) + " to " + std::to_string(most)};
  return number;
}

std::optional<std::string> page_start(const net::http_request& request, std::string_view list) {
  const auto text = request.query_value("after");
  if (!text)
    return std::nullopt;
  auto position = domain::parse_list_cursor(list, *text);
  if (!position)
    throw refusal{"invalid-parameter", "after must be the \"next\" of a page of this list"};
  return position;
}

std::vector<std::string> list_parameter(const net::http_request& request, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& [parameter, value] : request.query) {
    if (parameter != name)
      continue;
    std::string_view rest{value};
    for (;;) {
      const auto comma = rest.find(',');
      values.emplace_back(rest.substr(0, comma));
      if (comma == std::string_view::npos)
        break;
      rest.remove_prefix(comma + 1);
    }
  }
  return values;
}

page_writer::page_writer() : out_{"{\"data\":["} {}

std::string& page_writer::entry() {
  if (!first_)
    out_ += ',';
  first_ = false;
  return out_;
}

std::string page_writer::finish(std::string_view next) {
  out_ += "],\"next\":";
  if (next.empty())
    out_ += "null";
  else
    domain::append_json_string(out_, next);
  out_ += '}';
  return std::move(out_);
}

} // namespace carillon::api
