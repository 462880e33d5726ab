#pragma once

#include "domain/subscription.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The pure part of Pipeliner's webhook API: what bodies may hold, what objects and errors look like.
namespace carillon::domain {

/// Bounds of a webhook's fields, ours: Pipeliner names none. Every item of a notification repeats them.
inline constexpr std::size_t max_pipeliner_options = 16 * 1024; ///< bytes of `options`
inline constexpr std::size_t max_pipeliner_events = 500;        ///< names in `events`
inline constexpr std::size_t max_pipeliner_batch = 100;         ///< entries of one batch

/// Rules that belong to other floors. Each returns why the value is refused, or nothing.
struct pipeliner_checks {
  /// An https URL that the egress policy allows.
  std::function<std::optional<std::string>(std::string_view url)> target;
  /// Whether the operator lets subscriptions skip certificate checks.
  bool allow_insecure_ssl = true;
};

/// A code of the envelope with its name. All but `limit_reached` are the real service's.
struct pipeliner_code {
  unsigned code = 0;
  std::string_view name;
};
inline constexpr pipeliner_code parameter_invalid{117, "ERROR_PARAMETER_INVALID"};
inline constexpr pipeliner_code parameter_missing{119, "ERROR_PARAMETER_MISSING"};
inline constexpr pipeliner_code relation_missing{120, "ERROR_RELATIONS_DOESNT_EXIST"};
inline constexpr pipeliner_code unknown_type{2006, "ERROR_UNKNOWN_TYPE"};
inline constexpr pipeliner_code entity_invalid{40000, "ERROR_ENTITY_VALIDATION"};
inline constexpr pipeliner_code field_invalid{40002, "ERROR_FIELD_VALIDATION"};
inline constexpr pipeliner_code limit_reached{40003, "ERROR_ENTITY_LIMIT"};

/// Ours for what is not known of the real service: numbered like the HTTP status it comes with.
pipeliner_code pipeliner_code_of(unsigned status);

/// What is wrong with one field.
struct pipeliner_field_error {
  pipeliner_code code;
  std::string path; ///< "url", "options.chunk_size": what stands before the first dot is the field
  std::string message;
};

/// An answer other than 200 and 201.
struct pipeliner_failure {
  unsigned status = 422;
  pipeliner_code code;
  std::string message;

  // Told with `entity_invalid` only:
  std::string_view entity = "Webhook";
  std::string entity_id;                     ///< empty: it has none yet
  std::vector<pipeliner_field_error> fields; ///< none: the entity as a whole is refused, for `reason`
  pipeliner_code reason;
  std::optional<std::size_t> index; ///< of a batch's entry
};

/// The envelope {"success":false,…}.
std::string render_pipeliner_failure(const pipeliner_failure& failure);

enum class pipeliner_call : unsigned char {
  create, ///< POST: `insecure_ssl`, `url` and `events` are required
  update, ///< PATCH: what is left out stays
};

/// Applies an object of writable fields to `s`, whose `target`, `insecure_ssl` and `pipeliner` it sets.
/// Fields that are read-only are passed over, so that a client may send back what it was shown. On failure
/// `s` is unchanged: every field that is refused is named. The text passed the JSON gate.
std::optional<pipeliner_failure> apply_pipeliner_request(std::string_view object, pipeliner_call call,
                                                         const pipeliner_checks& checks, subscription& s);

/// The failure of a subscription that is one more than the account may have.
pipeliner_failure pipeliner_limit_failure(std::uint32_t limit);

/// Where an account's entities are: "/api/v100/rest/spaces/acme/entities".
std::string pipeliner_entities_path(std::string_view account);

/// The members of the objects below, in their order: what `load-only`, `order-by` and `filter` may name.
const std::vector<std::string>& pipeliner_webhook_fields();
const std::vector<std::string>& pipeliner_event_fields();

/// A Webhook entity. `entities` is the account's `pipeliner_entities_path`.
std::string render_pipeliner_webhook(const subscription& s, std::string_view entities);
/// A WebhookEvent entity: that the webhook wants that event.
std::string render_pipeliner_event(const subscription& s, std::string_view event, std::string_view entities);
/// The id of that WebhookEvent: a UUID that follows from the two.
std::string pipeliner_event_id(std::string_view webhook_uuid, std::string_view event);

} // namespace carillon::domain
