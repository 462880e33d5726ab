#include "api/pipeliner.hpp"

#include "api/json_body.hpp"
#include "api/pipeliner_change.hpp"
#include "api/pipeliner_list.hpp"
#include "api/query.hpp"
#include "crypto/random.hpp"
#include "domain/dialects/pipeliner_options.hpp"
#include "domain/json_slices.hpp"
#include "domain/json_write.hpp"
#include "net/target.hpp"

#include <algorithm>

namespace carillon::api {

namespace {

using domain::json_type;
using domain::pipeliner_failure;
using domain::subscription;
using answer = net::task<net::http_response>;

constexpr std::string_view root = "/api/v100/rest/spaces/";
constexpr std::string_view entities_segment = "/entities/";

const pipeliner_entity_type& webhook_type() {
  static const pipeliner_entity_type type{
      "Webhook", domain::pipeliner_webhook_fields(), {"application", "client"}};
  return type;
}

const pipeliner_entity_type& event_type() {
  static const pipeliner_entity_type type{"WebhookEvent", domain::pipeliner_event_fields(), {"webhook"}};
  return type;
}

net::http_response failed(const pipeliner_failure& failure) {
  return json_response(static_cast<int>(failure.status), domain::render_pipeliner_failure(failure));
}

pipeliner_failure parameter_failure(std::string message) {
  pipeliner_failure failure;
  failure.status = 400;
  failure.code = domain::parameter_invalid;
  failure.message = std::move(message);
  return failure;
}

/// {"success":true,"data":…}; `data` is JSON.
net::http_response succeeded(int status, std::string_view data) {
  std::string out;
  domain::object_writer object{out};
  object.boolean("success", true).raw("data", data);
  object.close();
  return json_response(status, std::move(out));
}

std::string quoted(std::string_view text) {
  std::string out;
  domain::append_json_string(out, text);
  return out;
}

std::string entities_of(const call& c) {
  return domain::pipeliner_entities_path(c.account->id);
}

domain::pipeliner_checks checks_of(const call& c) {
  return {[policy = c.node().egress()](std::string_view url) -> std::optional<std::string> {
            auto result = net::parse_target(url, *policy);
            return result ? std::nullopt : std::optional{std::move(result.error)};
          },
          c.node().settings()->egress.allow_insecure_ssl};
}

/// A change that makes a webhook from an object of its fields. `object` must live on.
webhook_change creation(const call& c, std::string_view object) {
  return {{}, false, [&c, object, checks = checks_of(c)](subscription& s) {
            auto failure = domain::apply_pipeliner_request(object, domain::pipeliner_call::create, checks, s);
            s.pipeliner.uuid = crypto::uuid_v4();
            s.pipeliner.application_id = c.who->credential.id;
            return failure;
          }};
}

webhook_change update(const call& c, std::string uuid, std::string_view object) {
  return {std::move(uuid), false, [object, checks = checks_of(c)](subscription& s) {
            return domain::apply_pipeliner_request(object, domain::pipeliner_call::update, checks, s);
          }};
}

webhook_change deletion(std::string uuid) {
  return {std::move(uuid), false, [](subscription& s) -> std::optional<pipeliner_failure> {
            s.pipeliner.deleted = domain::wall_now();
            return std::nullopt;
          }};
}

webhook_change restoration(std::string uuid) {
  return {std::move(uuid), true, [](subscription& s) -> std::optional<pipeliner_failure> {
            s.pipeliner.deleted.reset();
            return std::nullopt;
          }};
}

/// Carries out one change.
net::task<webhook_result> change_one(call& c, webhook_change& wanted) {
  std::vector<webhook_change> all;
  all.push_back(std::move(wanted));
  auto results = co_await change_webhooks(c, all, true);
  co_return std::move(results.front());
}

/// One entry of a batch: the change, or why there is none.
using batch_entry = std::variant<webhook_change, pipeliner_failure>;

/// `rollback-method`: 0 all or nothing, 1 only what fails is dropped.
bool all_or_nothing(const net::http_request& request) {
  allow_parameters(request, {"rollback-method"});
  return number_parameter(request, "rollback-method", 0, 1, 0) == 0;
}

/// The elements of a batch's body, or what is wrong with it.
std::variant<std::vector<std::string_view>, pipeliner_failure> read_batch(std::string_view body) {
  body = require_valid(body);
  if (domain::type_of(body) != json_type::array)
    return parameter_failure("a batch must be an array");
  std::vector<std::string_view> elements;
  std::string_view element;
  for (domain::array_reader reader{body}; reader.next(element);)
    elements.push_back(element);
  if (elements.size() > domain::max_pipeliner_batch)
    return parameter_failure("a batch must hold at most " + std::to_string(domain::max_pipeliner_batch) +
                             " entries, this one holds " + std::to_string(elements.size()));
  return elements;
}

/// Carries out a batch. What fails is told in the place of its entry, or, when nothing is done because of it,
/// as the answer.
answer run_batch(call& c, batch_entry (*entry_of)(const call&, std::string_view)) {
  const bool atomic = all_or_nothing(c.request);
  const auto read = read_batch(c.request.body);
  if (const auto* failure = std::get_if<pipeliner_failure>(&read))
    co_return failed(*failure);
  const auto& elements = std::get<std::vector<std::string_view>>(read);
  std::vector<webhook_result> results(elements.size());
  std::vector<webhook_change> changes;
  std::vector<std::size_t> places;
  bool refused = false;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    auto entry = entry_of(c, elements[i]);
    if (auto* failure = std::get_if<pipeliner_failure>(&entry)) {
      results[i] = std::move(*failure);
      refused = true;
      continue;
    }
    changes.push_back(std::move(std::get<webhook_change>(entry)));
    places.push_back(i);
  }
  if (!refused || !atomic) {
    auto done = co_await change_webhooks(c, changes, atomic);
    for (std::size_t k = 0; k < done.size(); ++k)
      results[places[k]] = std::move(done[k]);
  }
  std::string data = "[";
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (data.size() > 1)
      data += ',';
    if (auto* failure = std::get_if<pipeliner_failure>(&results[i])) {
      failure->index = i;
      if (atomic)
        co_return failed(*failure);
      data += domain::render_pipeliner_failure(*failure);
    } else {
      data += quoted(std::get<subscription>(results[i]).pipeliner.uuid);
    }
  }
  data += ']';
  co_return succeeded(200, data);
}

std::variant<std::string, pipeliner_failure> id_of(std::string_view element) {
  if (domain::type_of(element) != json_type::string || element == "\"\"")
    return parameter_failure("an entry must be the id of a webhook");
  return domain::string_value(element);
}

/// A WebhookEvent: a webhook, and one of the events it wants.
struct wanted_event {
  const subscription* webhook = nullptr; ///< null: there is none
  std::string event;
};

wanted_event find_event(const std::vector<subscription>& all, std::string_view id) {
  for (const auto& s : all)
    for (const auto& name : s.pipeliner.events)
      if (domain::pipeliner_event_id(s.pipeliner.uuid, name) == id)
        return {&s, name};
  return {};
}

pipeliner_failure no_such_event(std::string_view id) {
  auto failure = no_such_webhook({});
  failure.message = "there is no webhook event " + std::string{id.substr(0, 64)};
  return failure;
}

pipeliner_failure event_failure(domain::pipeliner_code code, std::string field, std::string message) {
  pipeliner_failure failure;
  failure.code = domain::entity_invalid;
  failure.message = "the webhook event is not valid";
  failure.entity = event_type().name;
  failure.fields.push_back({code, std::move(field), std::move(message)});
  return failure;
}

/// What relations to webhooks are expanded to: the webhooks by their URI.
std::string included_webhooks(const std::vector<subscription>& all, std::string_view entities) {
  std::string out;
  domain::object_writer object{out};
  for (const auto& s : all)
    object.raw(std::string{entities} + "/Webhooks/" + s.pipeliner.uuid,
               domain::render_pipeliner_webhook(s, entities));
  object.close();
  return out;
}

} // namespace

bool is_pipeliner_path(std::string_view path) {
  return path.starts_with(root);
}

net::http_response pipeliner_refusal(const refusal& why, std::string_view path) {
  const auto& error = why.error();
  pipeliner_failure failure;
  failure.status = static_cast<unsigned>(error.status);
  failure.message = error.detail;
  failure.code = error.status == 400 ? domain::parameter_invalid : domain::pipeliner_code_of(failure.status);
  const auto at = path.find(entities_segment, root.size());
  if (error.status == 404 && at != std::string_view::npos) {
    const auto rest = path.substr(at + entities_segment.size());
    const auto type = rest.substr(0, rest.find('/'));
    if (type != "Webhooks" && type != "WebhookEvents") {
      failure.code = domain::unknown_type;
      failure.message = "cannot determine entity type from " + std::string{type.substr(0, 64)};
    }
  }
  auto response = failed(failure);
  response.fields = why.fields();
  if (const auto seconds = retry_after(error); seconds > 0)
    response.fields.add("Retry-After", std::to_string(seconds));
  return response;
}

answer pipeliner_list_webhooks(call& c) {
  const pipeliner_list list{c.request, webhook_type()};
  const auto all = co_await read_webhooks(c);
  const auto entities = entities_of(c);
  std::vector<pipeliner_listed> shown;
  for (const auto& s : all)
    if (list.include_deleted() || !s.pipeliner.deleted)
      shown.push_back({domain::render_pipeliner_webhook(s, entities), raw(s.id)});
  co_return json_response(200, list.render(shown, {}));
}

answer pipeliner_create_webhook(call& c) {
  allow_parameters(c.request, {});
  auto wanted = creation(c, require_valid(c.request.body));
  const auto result = co_await change_one(c, wanted);
  if (const auto* failure = std::get_if<pipeliner_failure>(&result))
    co_return failed(*failure);
  co_return succeeded(201, domain::render_pipeliner_webhook(std::get<subscription>(result), entities_of(c)));
}

answer pipeliner_get_webhook(call& c) {
  const auto shape = read_pipeliner_shape(c.request, webhook_type());
  const auto all = co_await read_webhooks(c);
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& s) { return s.pipeliner.uuid == c.id(); });
  if (found == all.end() || (found->pipeliner.deleted && !shape.include_deleted))
    co_return failed(no_such_webhook(c.id()));
  const auto webhook = domain::render_pipeliner_webhook(*found, entities_of(c));
  co_return succeeded(200, shape.show(webhook, {}));
}

answer pipeliner_update_webhook(call& c) {
  allow_parameters(c.request, {});
  auto wanted = update(c, c.id(), require_valid(c.request.body));
  const auto result = co_await change_one(c, wanted);
  if (const auto* failure = std::get_if<pipeliner_failure>(&result))
    co_return failed(*failure);
  co_return succeeded(200, domain::render_pipeliner_webhook(std::get<subscription>(result), entities_of(c)));
}

answer pipeliner_delete_webhook(call& c) {
  allow_parameters(c.request, {});
  auto wanted = deletion(c.id());
  const auto result = co_await change_one(c, wanted);
  if (const auto* failure = std::get_if<pipeliner_failure>(&result))
    co_return failed(*failure);
  co_return succeeded(200, quoted(c.id()));
}

answer pipeliner_batch_delete(call& c) {
  return run_batch(c, [](const call&, std::string_view element) -> batch_entry {
    auto id = id_of(element);
    if (auto* failure = std::get_if<pipeliner_failure>(&id))
      return std::move(*failure);
    return deletion(std::move(std::get<std::string>(id)));
  });
}

answer pipeliner_batch_restore(call& c) {
  return run_batch(c, [](const call&, std::string_view element) -> batch_entry {
    auto id = id_of(element);
    if (auto* failure = std::get_if<pipeliner_failure>(&id))
      return std::move(*failure);
    return restoration(std::move(std::get<std::string>(id)));
  });
}

answer pipeliner_batch_modify(call& c) {
  return run_batch(c, [](const call& asked, std::string_view element) -> batch_entry {
    const auto given = domain::find_member(element, "id");
    if (given.empty())
      return creation(asked, element);
    auto id = id_of(given);
    if (auto* failure = std::get_if<pipeliner_failure>(&id))
      return std::move(*failure);
    return update(asked, std::move(std::get<std::string>(id)), element);
  });
}

answer pipeliner_list_events(call& c) {
  const pipeliner_list list{c.request, event_type()};
  const auto all = co_await read_webhooks(c);
  const auto entities = entities_of(c);
  std::vector<pipeliner_listed> shown;
  for (const auto& s : all)
    if (list.include_deleted() || !s.pipeliner.deleted)
      for (const auto& name : s.pipeliner.events)
        shown.push_back({domain::render_pipeliner_event(s, name, entities), raw(s.id)});
  co_return json_response(200, list.render(shown, included_webhooks(all, entities)));
}

answer pipeliner_add_event(call& c) {
  allow_parameters(c.request, {});
  object_body::faults errors;
  object_body body{require_valid(c.request.body), "", errors};
  const auto event = body.text("event", 1, 256);
  const auto webhook = body.text("webhook_id", 1, 256);
  for (const std::string_view name : {"event", "webhook_id"})
    body.require(name);
  body.finish();
  if (!errors.empty()) {
    const auto& first = errors.front();
    const auto field = first.pointer.substr(std::min<std::size_t>(first.pointer.size(), 1));
    const bool missing =
        !field.empty() && domain::find_member(domain::trim_json(c.request.body), field).empty();
    const auto code = missing ? domain::parameter_missing : domain::parameter_invalid;
    co_return failed(event_failure(code, field, field + ": " + first.detail));
  }
  webhook_change wanted{*webhook, false, [&event](subscription& s) -> std::optional<pipeliner_failure> {
                          domain::wanted_actions known{};
                          if (!domain::add_pipeliner_event(*event, known))
                            return event_failure(domain::parameter_invalid, "event",
                                                 "there is no event \"" + event->substr(0, 100) + '"');
                          auto& events = s.pipeliner.events;
                          if (std::find(events.begin(), events.end(), *event) == events.end())
                            events.push_back(*event);
                          return std::nullopt;
                        }};
  const auto result = co_await change_one(c, wanted);
  const auto* failure = std::get_if<pipeliner_failure>(&result);
  if (failure != nullptr && failure->status == 404)
    co_return failed(event_failure(domain::relation_missing, "webhook_id", failure->message));
  if (failure != nullptr)
    co_return failed(*failure);
  co_return succeeded(201,
                      domain::render_pipeliner_event(std::get<subscription>(result), *event, entities_of(c)));
}

answer pipeliner_get_event(call& c) {
  const auto shape = read_pipeliner_shape(c.request, event_type());
  const auto all = co_await read_webhooks(c);
  const auto found = find_event(all, c.id());
  if (found.webhook == nullptr || (found.webhook->pipeliner.deleted && !shape.include_deleted))
    co_return failed(no_such_event(c.id()));
  const auto entities = entities_of(c);
  const auto event = domain::render_pipeliner_event(*found.webhook, found.event, entities);
  co_return succeeded(200, shape.show(event, included_webhooks(all, entities)));
}

answer pipeliner_remove_event(call& c) {
  allow_parameters(c.request, {});
  const auto all = co_await read_webhooks(c);
  const auto found = find_event(all, c.id());
  if (found.webhook == nullptr || found.webhook->pipeliner.deleted)
    co_return failed(no_such_event(c.id()));
  webhook_change wanted{
      found.webhook->pipeliner.uuid, false, [&found](subscription& s) -> std::optional<pipeliner_failure> {
        auto& events = s.pipeliner.events;
        const auto gone = std::remove(events.begin(), events.end(), found.event);
        if (gone == events.begin())
          return event_failure(domain::parameter_invalid, "event", "a webhook must keep at least one event");
        events.erase(gone, events.end());
        return std::nullopt;
      }};
  const auto result = co_await change_one(c, wanted);
  if (const auto* failure = std::get_if<pipeliner_failure>(&result))
    co_return failed(*failure);
  co_return succeeded(200, quoted(c.id()));
}

} // namespace carillon::api
