#pragma once

#include "crypto/hash.hpp"
#include "domain/time.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carillon::domain {

/// What a record is: Pipeliner's entities, and `Activity` (Copper's activity_log).
enum class entity : std::uint8_t {
  Account,
  Contact,
  CustomEntity,
  Project,
  Opportunity,
  Quote,
  Lead,
  Task,
  Appointment,
  Email,
  Message,
  Memo,
  Note,
  Product,
  OpptyProductRelation,
  ActivityRelation,
  ContactAccountRelation,
  LeadOpptyAccountRelation,
  LeadOpptyContactRelation,
  Currency,
  CurrencyExchangeRate,
  CurrencyExchangeRatesList,
  ProductPriceList,
  ProductPriceListPrice,
  QuoteAccountRelation,
  QuoteContactRelation,
  Activity,
};
inline constexpr std::size_t entity_count = 27;

/// What happened to it.
enum class action : std::uint8_t {
  Create,
  Update,
  Delete,
  DocumentLinked,
  OwnerChanged,
  Move,
  Lost,
  Won,
  Qualify,
  BackToLead,
  Comment,
};
inline constexpr std::size_t action_count = 11;

std::string_view to_string(entity e);
std::string_view to_string(action a);
std::optional<entity> parse_entity(std::string_view name);
std::optional<action> parse_action(std::string_view name);
/// Whether the dialects' tables know this action for this entity (`Activity`: Create, Update, Delete).
bool has_action(entity e, action a);

/// One record's id. `numeric`: came as a JSON number, or is a canonical decimal of at most 2^53−1: dialects
/// that write numbers write it as one.
struct record_id {
  std::string text;
  bool numeric = false;
  bool operator==(const record_id& other) const { return text == other.text; }
};

class event_lookups;

/// One posted change of one or several records. Immutable once parsed; the views point into `bytes`, so an
/// event lives behind a shared pointer and is neither copied nor moved.
struct event {
  event();
  ~event();
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  std::string bytes; ///< the event's JSON object exactly as it came: what is stored
  std::string id;    ///< given by the SaaS; empty when it gave none
  entity what{};
  action how{};
  std::vector<record_id> records; ///< ≥ 1, distinct
  std::string custom_entity;      ///< API name, for entity CustomEntity
  std::optional<wall_time> occurred_at;
  std::vector<std::string> skip_keys; ///< of the event itself; the request's header adds to them outside
  bool derive = true;                 ///< whether an Update may also count as Move, OwnerChanged, Lost, Won

  // JSON texts inside `bytes`, empty when the member is missing:
  std::string_view record, previous, changes, related, included;
  std::string_view occurred; ///< `occurred_at` as it came, a JSON string; empty when missing

  /// Names at the top level of `changes`, or those whose values differ between `previous` and `record`;
  /// nothing when the event tells neither. `custom_fields.<id>` names a nested custom field.
  std::optional<std::vector<std::string>> changed_fields;

  /// The actions it counts as, one bit each (bit 0: Create): its own and the derived ones.
  std::uint16_t action_bits = 0;

  /// What a repeat of `id` is compared with: the fingerprint of `bytes`. Who makes another event with the same one
  /// under the same id deceives himself alone.
  crypto::digest128 digest{};

  /// What is looked up in it again and again. Thread-safe; made when first asked for, once it is parsed.
  const event_lookups& lookups() const;

private:
  mutable std::once_flag lookups_once_;
  mutable std::unique_ptr<event_lookups> lookups_;
};

using event_ptr = std::shared_ptr<const event>;

/// One thing wrong with a request: a JSON pointer and a sentence.
struct field_error {
  std::string pointer;
  std::string detail;
};

/// Why a request's body was refused.
struct parse_error {
  enum class kind : std::uint8_t { malformed, meaning, too_many } what = kind::malformed; ///< 400, 422, 413
  std::string detail;
  std::vector<field_error> errors;
};

/// Bounds of one event's members; the request's own are in `event_limits`.
inline constexpr std::size_t max_event_id = 128;      ///< characters
inline constexpr std::size_t max_record_id = 256;     ///< bytes
inline constexpr std::size_t max_custom_entity = 128; ///< bytes
inline constexpr std::size_t max_skip_keys = 32;      ///< of one event
inline constexpr std::size_t max_skip_key = 256;      ///< bytes
/// At most so many errors of one request are told.
inline constexpr std::size_t max_told_errors = 50;

struct event_limits {
  std::size_t max_events = 1000;    ///< `ingest.max-events`
  std::size_t max_records = 10'000; ///< `ingest.max-records`: ids of all events of the request together
};

/// The events of one ingestion request: one object or an array.
struct parsed_events {
  std::vector<event_ptr> events;
  bool was_array = false;
};

/// Parses and validates an ingestion request's body: all or nothing. The gate holds (`json_gate.hpp`);
/// unknown members, entities, actions, bad ids and types are errors that name their place; the same id twice
/// is an error. On failure the result is empty and `error` is filled.
std::optional<parsed_events> parse_events(std::string_view body, const event_limits& limits,
                                          parse_error& error);

/// Parses one event that was accepted before, from its stored bytes. nullptr only if they are damaged.
event_ptr parse_stored_event(std::string_view bytes);

} // namespace carillon::domain
