#pragma once

#include "account/notification.hpp"
#include "domain/event.hpp"
#include "domain/matching.hpp"
#include "domain/rate_limit.hpp"
#include "domain/subscription.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// Everything that can be asked of an account, each request with the reply it gets. Plain values: the account
/// actor's mailbox, the API and the tests speak the same words.
namespace carillon::account {

/// What went wrong with a request, in the form that the API shows: HTTP status, problem slug, sentence,
/// places.
struct request_error {
  int status = 500;
  std::string slug; ///< from the fixed list in OpenAPI: "event-id-reused", "store-full", ...
  std::string detail;
  std::vector<domain::field_error> errors;
  std::uint32_t retry_after = 0; ///< seconds; 0: none
  /// Surely nothing was done, for the account is on its way to another node of the cluster: asked there, it will be.
  bool moved = false;
};

inline request_error not_found(std::string what) {
  return {404, "not-found", std::move(what), {}, 0};
}
inline request_error account_gone() {
  return not_found("this account is being deleted");
}

/// The events of one ingestion request: all or nothing, durable when answered.
struct submit_events {
  std::vector<domain::event_ptr> events;
  std::vector<std::string> skip_keys; ///< from the header Webhook-Skip-Key
};
struct submit_reply {
  struct one {
    std::string id;
    bool duplicate = false;
    std::uint32_t notifications = 0; ///< those it is part of, also merged ones
  };
  std::vector<one> events;
  std::uint32_t accepted = 0, duplicates = 0, notifications = 0;
};

/// What an event would cause; stores nothing.
struct explain_event {
  domain::event_ptr event;
  std::vector<std::string> skip_keys;
};
struct explain_reply {
  struct one {
    domain::subscription_id subscription{};
    domain::dialect speaks{};
    domain::match_reason reason{};
    std::string path; ///< the path that decided, else empty
    std::string body; ///< what would go out (secrets masked), when it matched
  };
  std::vector<one> subscriptions;
};

/// All subscriptions, in order of creation, softly deleted ones of Pipeliner's dialect included.
struct list_subscriptions {};
struct subscriptions_reply {
  std::vector<domain::subscription> subscriptions;
};

/// Validated by its dialect; id, revision, times are the account's to give. Refused over the account's limit.
struct create_subscription {
  domain::subscription value;
};
/// The subscription as its reader wants it now. `value.revision` must be the one it read, else 409
/// `conflict`: read again.
struct replace_subscription {
  domain::subscription value;
  /// `value.status` is its owner's wish: pause or resume. Else the status stays what it is, also when
  /// Carillon changed it since it was read.
  bool sets_status = false;
};
struct subscription_reply {
  domain::subscription value;
};

/// Creations and replacements decided together, in their order: each is what it would be alone.
struct change_subscriptions {
  std::vector<std::variant<create_subscription, replace_subscription>> changes;
  bool all_or_nothing = true; ///< one that is refused refuses all; else only itself
};
/// One result per change. With `all_or_nothing` and any error among them nothing was changed; the changes
/// that would have passed then have their value as it was asked for.
struct changes_reply {
  std::vector<std::variant<subscription_reply, request_error>> results;
};

/// Deletes it; what is pending becomes `cancelled`.
struct delete_subscription {
  domain::subscription_id id{};
};
struct done_reply {};

/// Makes a marked sample notification. With `wait` the reply comes with the outcome, or after that time
/// without.
struct test_subscription {
  domain::subscription_id id{};
  std::chrono::seconds wait{0};
};
struct notification_reply {
  notification value;
  std::string body; ///< rendered again, secrets masked; empty when its events are past retention
  std::string url;  ///< the target of its revision
};

/// The log, newest first.
struct query_log {
  std::vector<domain::notification_state> states; ///< empty: all
  std::optional<domain::subscription_id> subscription;
  std::optional<std::string> record, event;
  std::optional<domain::wall_time> from, to; ///< of creation: from ≤ t < to
  std::uint64_t before = 0;                  ///< only numbers below; 0: from the newest
  std::uint32_t limit = 100;
};
struct log_reply {
  std::vector<notification> notifications;
  std::uint64_t next = 0; ///< `before` of the next page; 0: there is none
};

struct get_notification {
  domain::notification_number number{};
};

/// The missed feed, in the order of ending.
struct query_missed {
  std::optional<std::uint64_t> after; ///< the number read last, 0 included; nothing: from the earliest kept
  bool from_end = false;              ///< `after=now`
  std::optional<domain::subscription_id> subscription;
  std::uint32_t limit = 100;
  std::chrono::seconds wait{0}; ///< how long to wait for a first one
};
struct missed_reply {
  std::vector<notification> notifications;
  std::uint64_t next = 0; ///< feed number to go on after
  bool gone = false;      ///< `after` lies before what is kept; `earliest` is the first to be had
  std::uint64_t earliest = 0;
};

struct get_usage {};
struct usage_reply {
  std::vector<domain::rate_limit::use> windows;
  domain::boot_time now{}; ///< what the windows' next_free are measured against
  domain::wall_time wall{};
  std::optional<domain::boot_time> next_slot; ///< when the next claim could be made; empty: now or unknown
  std::uint64_t pending = 0, pending_records = 0, pending_bytes = 0, in_flight = 0;
  std::optional<domain::wall_time> oldest_due;
  std::uint32_t subscriptions = 0; ///< active ones, as the limit counts them
};

/// After a restore: what was pending is sent, or expired.
struct release_held {
  bool send = true;
};

/// The account is deleted: everything pending is cancelled.
struct erase_account {};

using request =
    std::variant<submit_events, explain_event, list_subscriptions, create_subscription, replace_subscription,
                 change_subscriptions, delete_subscription, test_subscription, query_log, get_notification,
                 query_missed, get_usage, release_held, erase_account>;
using reply =
    std::variant<request_error, submit_reply, explain_reply, subscriptions_reply, subscription_reply,
                 changes_reply, done_reply, notification_reply, log_reply, missed_reply, usage_reply>;

/// How many subscriptions it makes: each needs a fresh id.
std::size_t creations(const request& r);

} // namespace carillon::account
