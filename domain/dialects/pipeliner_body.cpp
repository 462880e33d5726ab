#include "domain/dialects/pipeliner_body.hpp"

#include "crypto/hash.hpp"
#include "domain/dialects/pipeliner_options.hpp"
#include "domain/json_write.hpp"
#include "domain/rfc3339.hpp"

namespace carillon::domain {

namespace {

/// The ten members that a strict receiver accepts, and no other.
std::string render_webhook(const subscription& s) {
  const auto& webhook = s.pipeliner;
  std::string out;
  object_writer object{out};
  object.text("id", webhook.uuid).boolean("insecure_ssl", s.insecure_ssl).raw("options", webhook.options);
  object.text("url", s.target).boolean("is_deleted", webhook.deleted.has_value());
  object.text("created", format_spaced(s.created)).text("modified", format_spaced(s.modified));
  object.text("application_id", webhook.application_id).null("client_id").texts("events", webhook.events);
  object.close();
  return out;
}

/// The record as it is shown; where the event brings none, only its id.
void append_entity(std::string& out, const event& e, const record_id& id, const projection* shape,
                   expansion_budget& budget) {
  if (e.record.empty()) {
    object_writer object{out};
    object.text("id", id.text);
    object.close();
  } else if (shape == nullptr)
    out += e.record;
  else
    append_projected(out, e.record, *shape, e, budget);
}

void append_related(std::string& out, const event& e, const projection& shape, expansion_budget& budget) {
  if (!e.related.empty())
    append_projected(out, e.related, shape, e, budget);
  else if (!shape.expand.empty() && !e.record.empty())
    append_relations(out, shape, e, budget);
  else
    out += "null";
}

} // namespace

rendered_body render_pipeliner(const compiled_subscription& s, std::string_view account,
                               std::span<const body_part> parts, secrets how) {
  rendered_body result;
  auto& out = result.body;
  expansion_budget budget;
  const auto webhook = render_webhook(s.source());
  out += '[';
  for (const auto& part : parts) {
    const auto& e = *part.source;
    const auto* options = s.pipeliner()->for_event(e);
    for (std::uint32_t i = part.first; i < part.first + part.count; ++i) {
      if (out.size() > 1)
        out += ',';
      object_writer item{out};
      item.text("event", std::string{to_string(e.what)} + '.' + std::string{to_string(part.as)});
      if (!e.occurred.empty())
        item.raw("event_time", e.occurred); // date-times are written as they came
      else
        item.text("event_time", format_spaced(part.accepted));
      item.text("team_space_id", account).raw("webhook", webhook);
      append_related(item.open("related_entity"), e, s.pipeliner()->related, budget);
      append_entity(item.open("entity"), e, e.records.at(i), options == nullptr ? nullptr : &options->shape,
                    budget);
      item.close();
    }
  }
  out += ']';
  if (const auto& key = s.source().pipeliner.signature)
    result.headers.emplace_back("WebHook-Signature", how == secrets::masked
                                                         ? std::string{secret_mask}
                                                         : crypto::to_hex(crypto::hmac_sha256(*key, out)));
  return result;
}

} // namespace carillon::domain
