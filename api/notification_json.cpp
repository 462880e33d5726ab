#include "api/notification_json.hpp"

#include "domain/json_write.hpp"
#include "domain/outcome.hpp"
#include "domain/public_id.hpp"
#include "domain/rfc3339.hpp"

#include <algorithm>

namespace carillon::api {

namespace {

using domain::object_writer;

void write_time(object_writer& object, std::string_view name, domain::wall_time t) {
  if (t == domain::wall_time{})
    object.null(name);
  else
    object.text(name, domain::format_rfc3339(t));
}

void write_error(object_writer& object, const domain::delivery_result& result) {
  if (result.error == domain::failure_class::none)
    object.null("error");
  else
    object_writer{object.open("error")}
        .text("class", to_string(result.error))
        .text("detail", result.detail)
        .close();
}

void write_timing(object_writer& object, const domain::delivery_timing& timing) {
  if (timing == domain::delivery_timing{}) {
    object.null("timing_ms");
    return;
  }
  object_writer parts{object.open("timing_ms")};
  const auto write = [&](std::string_view name, const std::optional<std::uint32_t>& ms) {
    if (ms)
      parts.number(name, *ms);
    else
      parts.null(name);
  };
  write("dns", timing.dns);
  write("connect", timing.connect);
  write("tls", timing.tls);
  write("response", timing.response);
  parts.close();
}

void write_members(object_writer& object, const account::notification& n, const notification_owner& owner) {
  const domain::numbered id{owner.generation, owner.account, raw(n.number)};
  object.text("id", domain::notification_public_id(id)).text("webhook_id", domain::webhook_public_id(id));
  object.boolean("test", n.test).text("subscription", std::to_string(raw(n.subscription)));
  object.text("dialect", to_string(n.speaks)).text("state", to_string(n.state));
  if (n.course->result.status_code != 0)
    object.number("status_code", n.course->result.status_code);
  else
    object.null("status_code");
  if (domain::is_final(n.state))
    write_error(object, n.course->result);
  else
    object.null("error");
  std::vector<std::string> texts;
  for (const auto& record : n.records)
    texts.push_back(record.text);
  object.texts("records", texts);
  texts.clear();
  for (const auto& part : n.parts)
    if (std::find(texts.begin(), texts.end(), part.event_id) == texts.end())
      texts.push_back(part.event_id);
  object.texts("events", texts);
  write_time(object, "created_at", n.created);
  write_time(object, "due_at", n.due_wall);
  write_time(object, "claimed_at", n.course->claimed);
  write_time(object, "ended_at", n.course->ended);
  write_timing(object, n.course->result.timing);
}

} // namespace

std::string render_notification(const account::notification& n, const notification_owner& owner) {
  std::string out;
  object_writer object{out};
  write_members(object, n, owner);
  object.close();
  return out;
}

std::string render_notification(const account::notification_reply& reply, const notification_owner& owner) {
  std::string out;
  object_writer object{out};
  write_members(object, reply.value, owner);
  if (reply.url.empty())
    object.null("url");
  else
    object.text("url", reply.url);
  object.raw("body", reply.body.empty() ? std::string_view{"null"} : std::string_view{reply.body});
  if (reply.value.course->result.status_code == 0)
    object.null("response_excerpt");
  else
    object.text("response_excerpt", reply.value.course->result.response_excerpt);
  object.close();
  return out;
}

} // namespace carillon::api
