#include "api/pipeliner_list.hpp"

#include "api/problem.hpp"
#include "api/query.hpp"
#include "crypto/base64.hpp"
#include "domain/json_gate.hpp"
#include "domain/json_slices.hpp"
#include "domain/json_write.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace carillon::api {

namespace {

using domain::json_type;

constexpr std::string_view id_field = "id";
constexpr std::string_view default_order = "created";

[[noreturn]] void refuse(std::string_view parameter, std::string_view why) {
  throw refusal{"invalid-parameter", std::string{parameter.substr(0, 64)} + ' ' + std::string{why}};
}

bool is_field(const pipeliner_entity_type& type, std::string_view name) {
  return std::find(type.fields.begin(), type.fields.end(), name) != type.fields.end();
}

/// "f" of "filter[f]"; nothing for any other name.
std::optional<std::string_view> indexed(std::string_view name, std::string_view list) {
  if (!name.starts_with(list) || name.size() < list.size() + 3 || name[list.size()] != '[' ||
      name.back() != ']')
    return std::nullopt;
  return name.substr(list.size() + 1, name.size() - list.size() - 2);
}

bool is_shape_parameter(std::string_view name) {
  return name == "expand" || name == "load-only" || name == "include-deleted";
}

bool is_list_parameter(std::string_view name) {
  return is_shape_parameter(name) || name == "first" || name == "last" || name == "after" ||
         name == "before" || name == "order-by" || indexed(name, "filter") || indexed(name, "filter-op");
}

template <class Known>
void allow_only(const net::http_request& request, Known known) {
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : request.query) {
    if (!known(name))
      refuse(name, "is no parameter of this call");
    if (!indexed(name, "filter") && std::find(seen.begin(), seen.end(), name) != seen.end())
      refuse(name, "is given twice");
    seen.push_back(name);
  }
}

pipeliner_shape read_shape(const net::http_request& request, const pipeliner_entity_type& type) {
  pipeliner_shape result;
  for (const auto& path : list_parameter(request, "expand")) {
    if (std::find(type.relations.begin(), type.relations.end(), path.substr(0, path.find('.'))) ==
        type.relations.end())
      refuse("expand", '"' + path.substr(0, 64) + "\" is no relation of " + std::string{type.name});
    result.shape.expand.add(path);
  }
  for (const auto& path : list_parameter(request, "load-only")) {
    if (!is_field(type, path.substr(0, path.find('.'))))
      refuse("load-only", '"' + path.substr(0, 64) + "\" is no field of " + std::string{type.name});
    result.shape.keep.add(path);
  }
  const auto deleted = request.query_value("include-deleted").value_or("false");
  if (deleted != "true" && deleted != "false" && deleted != "1" && deleted != "0")
    refuse("include-deleted", "must be true or false");
  result.include_deleted = deleted == "true" || deleted == "1";
  return result;
}

std::optional<std::size_t> read_size(const net::http_request& request, std::string_view name) {
  if (!request.query_value(name))
    return std::nullopt;
  return number_parameter(request, name, 1, pipeliner_most_page, 0);
}

/// The rank of a type among values of different types.
int rank(std::string_view json) {
  switch (domain::type_of(json)) {
  case json_type::none:
  case json_type::null:
    return 0;
  case json_type::boolean:
    return 1;
  case json_type::number:
    return 2;
  case json_type::string:
    return 3;
  default:
    return 4;
  }
}

/// Booleans and strings are all that entities order by: dates are written so that their texts do.
/// The only numbers are those under which entities were made.
int compare(std::string_view a, std::string_view b) {
  if (const int ranks = rank(a) - rank(b); ranks != 0)
    return ranks;
  if (domain::type_of(a) == json_type::string)
    return domain::string_value(a).compare(domain::string_value(b));
  if (domain::type_of(a) == json_type::number && a.size() != b.size())
    return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

/// Whether that is how `made` is written: no sign, fraction, exponent or zero before it.
bool is_made(std::string_view json) {
  return std::all_of(json.begin(), json.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

struct pipeliner_list::row {
  std::string_view entity;
  sort_key key;
};

std::string pipeliner_shape::show(std::string_view entity, std::string_view included) const {
  domain::event around;
  around.included = included;
  domain::expansion_budget budget;
  std::string out;
  domain::append_projected(out, entity, shape, around, budget);
  return out;
}

pipeliner_shape read_pipeliner_shape(const net::http_request& request, const pipeliner_entity_type& type) {
  allow_only(request, is_shape_parameter);
  return read_shape(request, type);
}

pipeliner_list::pipeliner_list(const net::http_request& request, const pipeliner_entity_type& type) {
  allow_only(request, is_list_parameter);
  shape_ = read_shape(request, type);
  const auto first = read_size(request, "first");
  const auto last = read_size(request, "last");
  if (first && last)
    refuse("last", "can't be given together with first");
  from_end_ = last.has_value();
  size_ = first.value_or(last.value_or(pipeliner_default_page));
  read_order(request.query_value("order-by").value_or(default_order), type);
  read_filter(request, type);
  after_ = read_cursor(request, "after");
  before_ = read_cursor(request, "before");
}

void pipeliner_list::read_order(std::string_view text, const pipeliner_entity_type& type) {
  order_text_ = std::string{type.name} + ' ' + std::string{text};
  for (;;) {
    const auto comma = text.find(',');
    auto one = text.substr(0, comma);
    const bool descending = one.starts_with('-');
    if (descending)
      one.remove_prefix(1);
    if (!is_field(type, one) || one == "events" || one == "options")
      refuse("order-by", '"' + std::string{one.substr(0, 64)} + "\" is nothing to order by");
    order_.push_back({std::string{one}, descending});
    if (comma == std::string_view::npos)
      return;
    text.remove_prefix(comma + 1);
  }
}

void pipeliner_list::read_filter(const net::http_request& request, const pipeliner_entity_type& type) {
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, std::string> operators;
  for (const auto& [name, value] : request.query) {
    const auto filtered = indexed(name, "filter");
    const auto field = filtered ? filtered : indexed(name, "filter-op");
    if (!field)
      continue;
    if (!is_field(type, field->substr(0, field->find('.'))))
      refuse(name, "is no field of " + std::string{type.name});
    if (filtered)
      values[std::string{*field}].push_back(value);
    else
      operators[std::string{*field}] = value;
  }
  if (values.empty() && operators.empty())
    return;
  std::string wanted, how;
  domain::object_writer wanted_object{wanted};
  for (const auto& [field, all] : values)
    if (all.size() == 1)
      wanted_object.text(field, all.front());
    else
      wanted_object.texts(field, all);
  wanted_object.close();
  domain::object_writer how_object{how};
  for (const auto& [field, name] : operators)
    how_object.text(field, name);
  how_object.close();
  domain::filter_fault fault;
  filter_ = domain::compile_pipeliner_filter(wanted, how, fault);
  if (!filter_)
    refuse("filter[" + fault.path + ']', "is not valid: " + fault.detail);
}

pipeliner_list::sort_key pipeliner_list::read_cursor(const net::http_request& request,
                                                     std::string_view name) const {
  const auto text = request.query_value(name);
  if (!text)
    return {};
  std::string coded{*text};
  std::replace(coded.begin(), coded.end(), ' ', '+'); // what a "+" becomes that a client did not escape
  const auto decoded = crypto::base64_decode(coded);
  if (!decoded || domain::check_json(*decoded) || domain::type_of(*decoded) != json_type::array)
    refuse(name, "must be a cursor of this list's page_info");
  sort_key key;
  std::string_view element;
  domain::array_reader reader{*decoded};
  bool fits = reader.next(element) && domain::string_is(element, order_text_);
  while (fits && reader.next(element)) {
    const auto type = domain::type_of(element);
    fits = type != json_type::object && type != json_type::array;
    key.emplace_back(element);
  }
  if (!fits || key.size() != order_.size() + 2 || !is_made(key[order_.size()]) ||
      domain::type_of(key.back()) != json_type::string)
    refuse(name, "must be a cursor of this list in this order");
  return key;
}

pipeliner_list::sort_key pipeliner_list::key_of(const pipeliner_listed& listed) const {
  sort_key key;
  for (const auto& by : order_)
    key.emplace_back(domain::find_member(listed.entity, by.field));
  key.push_back(std::to_string(listed.made));
  key.emplace_back(domain::find_member(listed.entity, id_field));
  return key;
}

bool pipeliner_list::before(const sort_key& a, const sort_key& b) const {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (const int order = compare(a[i], b[i]); order != 0)
      return order_[std::min(i, order_.size() - 1)].descending ? order > 0 : order < 0;
  return false;
}

pipeliner_list::bounds pipeliner_list::page(const std::vector<row>& rows) const {
  bounds result{0, rows.size()};
  if (!after_.empty())
    while (result.first < rows.size() && !before(after_, rows[result.first].key))
      ++result.first;
  if (!before_.empty())
    while (result.last > result.first && !before(rows[result.last - 1].key, before_))
      --result.last;
  if (from_end_)
    result.first = std::max(result.first, result.last - std::min(result.last, size_));
  else
    result.last = std::min(result.last, result.first + size_);
  return result;
}

std::string pipeliner_list::cursor(const sort_key& key) const {
  std::string json = "[";
  domain::append_json_string(json, order_text_);
  for (const auto& part : key)
    json.append(",").append(part);
  return crypto::base64_encode(json += ']');
}

std::string pipeliner_list::render(std::span<const pipeliner_listed> entities, std::string_view included) const {
  std::vector<row> rows;
  for (const auto& listed : entities)
    if (!filter_ || filter_->failing(std::string_view{listed.entity}) == nullptr)
      rows.push_back({listed.entity, key_of(listed)});
  std::sort(rows.begin(), rows.end(), [this](const row& a, const row& b) { return before(a.key, b.key); });
  const auto [first, last] = page(rows);
  const bool empty = first == last;

  std::string out;
  domain::object_writer object{out};
  object.boolean("success", true).number("total", rows.size());
  domain::object_writer info{object.open("page_info")};
  if (empty)
    info.null("start_cursor").null("end_cursor");
  else
    info.text("start_cursor", cursor(rows[first].key)).text("end_cursor", cursor(rows[last - 1].key));
  info.boolean("has_previous_page", !empty && first > 0);
  info.boolean("has_next_page", !empty && last < rows.size());
  info.close();
  domain::event around;
  around.included = included;
  domain::expansion_budget budget;
  auto& data = object.open("data");
  data += '[';
  for (std::size_t i = first; i < last; ++i) {
    if (i > first)
      data += ',';
    domain::append_projected(data, rows[i].entity, shape_.shape, around, budget);
  }
  data += ']';
  object.close();
  return out;
}

} // namespace carillon::api
