#include "coordination/etcd_requests.hpp"

#include "coordination/json_reader.hpp"
#include "crypto/base64.hpp"
#include "domain/json_write.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace carillon::coordination {

namespace {

using domain::object_writer;
using nlohmann::json;

/// What of an unexpected answer is shown.
constexpr std::size_t longest_excerpt = 200;

/// The numbers of gRPC's status codes that the gateway passes on.
enum class grpc : std::uint64_t {
  invalid_argument = 3,
  not_found = 5,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  out_of_range = 11,
  unimplemented = 12,
  unauthenticated = 16,
};

/// The first key that doesn't begin with the prefix; "\0" stands for the end of all keys.
std::string end_of(std::string prefix) {
  while (!prefix.empty()) {
    const auto last = static_cast<unsigned char>(prefix.back());
    if (last != 0xFF) {
      prefix.back() = static_cast<char>(last + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return std::string(1, '\0');
}

object_writer& bytes(object_writer& into, std::string_view name, std::string_view value) {
  return into.text(name, crypto::base64_encode(value));
}
object_writer& number(object_writer& into, std::string_view name, std::int64_t value) {
  return into.text(name, std::to_string(value));
}

void write_range(object_writer& into, std::string_view key, reach what) {
  bytes(into, "key", key);
  if (what == reach::prefix)
    bytes(into, "range_end", end_of(std::string{key}));
}

/// `[{"<name>": {…}}]`
template <class Write>
void write_one(object_writer& into, std::string_view list, std::string_view name, Write write) {
  auto& out = into.open(list);
  out += '[';
  object_writer item{out};
  object_writer inner{item.open(name)};
  write(inner);
  inner.close();
  item.close();
  out += ']';
}

template <class Number>
Number read_number(const object_reader& from, const char* name) {
  const auto* value = from.find(name);
  if (value == nullptr)
    return 0;
  Number out = 0;
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    const auto end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, out);
    if (read.ec == std::errc{} && read.ptr == end && !text.empty())
      return out;
  }
  throw json_mismatch(from.pointer_to(name) + ": must be a number in a string");
}

bool read_flag(const object_reader& from, const char* name) {
  const auto* value = from.find(name);
  if (value != nullptr && !value->is_boolean())
    throw json_mismatch(from.pointer_to(name) + ": must be true or false");
  return value != nullptr && value->get<bool>();
}

std::string read_bytes(const object_reader& from, const char* name) {
  if (from.find(name) == nullptr)
    return {};
  auto out = crypto::base64_decode(from.need_text(name));
  if (!out)
    throw json_mismatch(from.pointer_to(name) + ": must be base64");
  return std::move(*out);
}

etcd_header read_header(const object_reader& answer) {
  const object_reader header{answer.need("header"), answer.pointer_to("header")};
  etcd_header out{read_number<std::uint64_t>(header, "cluster_id"), read_number<std::int64_t>(header, "revision")};
  if (out.cluster == 0)
    throw json_mismatch(header.pointer_to("cluster_id") + ": is missing");
  return out;
}

entry read_entry(const json& value, const std::string& pointer) {
  const object_reader from{value, pointer};
  entry out{read_bytes(from, "key"), read_bytes(from, "value"), read_number<std::int64_t>(from, "mod_revision"),
            read_number<std::int64_t>(from, "lease")};
  if (out.key.empty() || out.modified <= 0)
    throw json_mismatch(pointer + ": must have key and mod_revision");
  return out;
}

void check_key(const std::string& found, std::string_view key, reach what, const std::string& pointer) {
  if (what == reach::key ? found != key : !found.starts_with(key))
    throw json_mismatch(pointer + ": has a key that was not asked for");
}

std::vector<entry> read_entries(const object_reader& range, std::string_view key, reach what) {
  std::vector<entry> out;
  if (range.find("kvs") == nullptr)
    return out;
  const auto& list = range.need_array("kvs");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto pointer = range.pointer_to("kvs") + "/" + std::to_string(i);
    out.push_back(read_entry(list[i], pointer));
    check_key(out.back().key, key, what, pointer);
  }
  return out;
}

etcd_lease read_lease_from(const object_reader& answer) {
  return {read_header(answer), read_number<std::int64_t>(answer, "ID"),
          std::chrono::seconds{read_number<std::int64_t>(answer, "TTL")}};
}

/// One item of a stream: `{"result": {…}}`.
const json& result_of(const json& item) {
  const object_reader outer{item, "#"};
  if (outer.find("error") != nullptr)
    throw json_mismatch("#/error: " + item.at("error").dump(-1, ' ', false, json::error_handler_t::replace));
  return outer.need("result");
}

std::string excerpt(std::string_view body) {
  std::string out{body.substr(0, longest_excerpt)};
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

} // namespace

etcd_request range_request(std::string_view key, reach what) {
  etcd_request out{"/v3/kv/range", {}};
  object_writer body{out.body};
  write_range(body, key, what);
  body.close();
  return out;
}

etcd_request swap_request_of(const swap_request& swap) {
  etcd_request out{"/v3/kv/txn", {}};
  object_writer body{out.body};
  auto& list = body.open("compare");
  list += '[';
  object_writer compare{list};
  compare.text("result", "EQUAL").text("target", "MOD");
  bytes(compare, "key", swap.key);
  number(compare, "mod_revision", swap.expected);
  compare.close();
  list += ']';
  if (swap.value)
    write_one(body, "success", "request_put", [&](object_writer& put) {
      bytes(put, "key", swap.key);
      bytes(put, "value", *swap.value);
      number(put, "lease", swap.lease);
    });
  else
    write_one(body, "success", "request_delete_range", [&](object_writer& del) { bytes(del, "key", swap.key); });
  write_one(body, "failure", "request_range",
            [&](object_writer& range) { write_range(range, swap.key, reach::key); });
  body.close();
  return out;
}

etcd_request grant_request(std::chrono::seconds ttl) {
  etcd_request out{"/v3/lease/grant", {}};
  object_writer body{out.body};
  number(body, "TTL", ttl.count());
  body.close();
  return out;
}

etcd_request keep_alive_request(lease_id lease) {
  etcd_request out{"/v3/lease/keepalive", {}};
  object_writer body{out.body};
  number(body, "ID", lease);
  body.close();
  return out;
}

etcd_request watch_request(std::string_view prefix, revision from) {
  etcd_request out{"/v3/watch", {}};
  object_writer body{out.body};
  object_writer create{body.open("create_request")};
  write_range(create, prefix, reach::prefix);
  number(create, "start_revision", from);
  create.close();
  body.close();
  return out;
}

etcd_request status_request() {
  return {"/v3/maintenance/status", "{}"};
}

etcd_range read_range(std::string_view body, std::string_view key, reach what) {
  const auto value = parse_checked(body);
  const object_reader answer{value, "#"};
  return {read_header(answer), read_entries(answer, key, what)};
}

etcd_swap read_swap(std::string_view body, const swap_request& swap) {
  const auto value = parse_checked(body);
  const object_reader answer{value, "#"};
  etcd_swap out{read_header(answer), read_flag(answer, "succeeded"), {}};
  const auto& responses = answer.need_array("responses");
  if (responses.size() != 1)
    throw json_mismatch("#/responses: must be one");
  const object_reader response{responses[0], "#/responses/0"};
  if (out.succeeded) {
    response.need(swap.value ? "response_put" : "response_delete_range");
    if (swap.value)
      out.current = entry{swap.key, *swap.value, out.header.at, swap.lease};
    return out;
  }
  const object_reader range{response.need("response_range"), response.pointer_to("response_range")};
  auto entries = read_entries(range, swap.key, reach::key);
  if (entries.size() > 1)
    throw json_mismatch(range.pointer_to("kvs") + ": must be one");
  if (!entries.empty())
    out.current = std::move(entries.front());
  return out;
}

etcd_lease read_lease(std::string_view body) {
  const auto value = parse_checked(body);
  auto out = read_lease_from({value, "#"});
  if (out.lease == 0 || out.ttl.count() <= 0)
    throw json_mismatch("#: must have ID and TTL");
  return out;
}

etcd_lease read_renewal(std::string_view body) {
  const auto value = parse_checked(body);
  return read_lease_from({result_of(value), "#/result"});
}

etcd_status read_status(std::string_view body) {
  const auto value = parse_checked(body);
  const object_reader answer{value, "#"};
  return {read_header(answer), read_number<std::uint64_t>(answer, "leader") != 0};
}

etcd_watch_line read_watch_line(std::string_view line, std::string_view prefix) {
  const auto value = parse_checked(line);
  const object_reader result{result_of(value), "#/result"};
  etcd_watch_line out{read_header(result), read_flag(result, "created"), read_flag(result, "canceled"), {}, {}};
  if (out.canceled)
    out.reason = result.find("cancel_reason") != nullptr ? result.need_text("cancel_reason") : "no reason given";
  if (result.find("events") == nullptr)
    return out;
  const auto& events = result.need_array("events");
  for (std::size_t i = 0; i < events.size(); ++i) {
    const object_reader event{events[i], "#/result/events/" + std::to_string(i)};
    auto now = read_entry(event.need("kv"), event.pointer_to("kv"));
    check_key(now.key, prefix, reach::prefix, event.pointer_to("kv"));
    const auto type = event.find("type") == nullptr ? "PUT" : event.need_text("type");
    if (type != "PUT" && type != "DELETE")
      throw json_mismatch(event.pointer_to("type") + ": must be PUT or DELETE");
    change one{now.key, {}, now.modified};
    if (type == "PUT")
      one.now = std::move(now);
    out.changes.push_back(std::move(one));
  }
  return out;
}

call_error read_error(unsigned http_status, std::string_view body) {
  const auto unreadable = call_error{failure::unreadable, "it answered " + std::to_string(http_status) +
                                                              " with \"" + excerpt(body) + "\""};
  try {
    const auto value = parse_checked(body);
    const object_reader answer{value, "#"};
    const auto code = static_cast<grpc>(answer.need_count("code"));
    auto message = answer.need_text(answer.find("message") != nullptr ? "message" : "error");
    switch (code) {
    case grpc::resource_exhausted: {
      const bool space = message.find("space exceeded") != std::string::npos;
      return {space ? failure::full : failure::unreachable, std::move(message)};
    }
    case grpc::invalid_argument:
    case grpc::not_found:
    case grpc::permission_denied:
    case grpc::failed_precondition:
    case grpc::out_of_range:
    case grpc::unimplemented:
    case grpc::unauthenticated:
      return {failure::refused, std::move(message)};
    default:
      return {failure::unreachable, std::move(message)};
    }
  } catch (const json_mismatch&) {
    return unreadable;
  }
}

} // namespace carillon::coordination
