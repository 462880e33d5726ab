#include "api/copper.hpp"
#include "api/handlers.hpp"
#include "api/pipeliner.hpp"
#include "api/router.hpp"

namespace carillon::api {

const std::vector<route>& all_routes() {
  using enum access;
  constexpr auto admin_side = side::admin;
  constexpr auto both = side::both;
  constexpr auto none = body_kind::none;
  constexpr auto json = body_kind::json;
  static const std::vector<route> routes{
      // The hot path first: each path is compared in this order.
      {"POST", "/v1/accounts/{account}/events", ingest, admin_side, body_kind::events, post_events},
      {"POST", "/v1/accounts/{account}/events/explain", explain, both, body_kind::events, explain_event},

      {"GET", "/v1/accounts", admin, admin_side, none, list_accounts},
      {"POST", "/v1/accounts", admin, admin_side, json, post_account},
      {"GET", "/v1/accounts/{account}", account, both, none, get_account},
      {"PUT", "/v1/accounts/{account}", admin, admin_side, json, put_account},
      {"DELETE", "/v1/accounts/{account}", admin, admin_side, none, delete_account},

      {"GET", "/v1/accounts/{account}/keys", admin, admin_side, none, list_keys},
      {"POST", "/v1/accounts/{account}/keys", admin, admin_side, json, post_key},
      {"DELETE", "/v1/accounts/{account}/keys/{id}", admin, admin_side, none, delete_key},
      {"GET", "/v1/tokens", admin, admin_side, none, list_tokens},
      {"POST", "/v1/tokens", admin, admin_side, json, post_token},
      {"DELETE", "/v1/tokens/{id}", admin, admin_side, none, delete_token},

      {"GET", "/v1/accounts/{account}/subscriptions", account, both, none, list_subscriptions},
      {"GET", "/v1/accounts/{account}/subscriptions/{id}", account, both, none, get_subscription},
      {"PATCH", "/v1/accounts/{account}/subscriptions/{id}", account, both, json, patch_subscription},
      {"DELETE", "/v1/accounts/{account}/subscriptions/{id}", account, both, none, delete_subscription},
      {"POST", "/v1/accounts/{account}/subscriptions/{id}/secret/rotate", account, both, body_kind::optional,
       rotate_secret},
      {"POST", "/v1/accounts/{account}/subscriptions/{id}/test", account, both, none, test_subscription},

      {"GET", "/v1/accounts/{account}/notifications", read, both, none, list_notifications},
      {"GET", "/v1/accounts/{account}/notifications/{id}", read, both, none, get_notification},
      {"GET", "/v1/accounts/{account}/missed", read, both, none, list_missed},
      {"GET", "/v1/accounts/{account}/usage", read, both, none, get_usage},

      {"POST", "/v1/release", admin, admin_side, json, post_release},
      {"GET", "/v1/cluster", admin, admin_side, none, get_cluster},
      {"GET", "/healthz", open, both, none, get_healthz},
      {"GET", "/readyz", open, admin_side, none, get_readyz},
      {"GET", "/metrics", metrics, admin_side, none, get_metrics},
      {"GET", "/openapi.json", open, admin_side, none, get_openapi},

      {"GET", "/developer_api/v1/webhooks", copper_read, both, none, copper_list},
      {"POST", "/developer_api/v1/webhooks", copper_account, both, body_kind::untyped, copper_create},
      {"GET", "/developer_api/v1/webhooks/{id}", copper_read, both, none, copper_get},
      {"PUT", "/developer_api/v1/webhooks/{id}", copper_account, both, body_kind::untyped, copper_update},
      {"DELETE", "/developer_api/v1/webhooks/{id}", copper_account, both, none, copper_delete},
      {"GET", "/developer_api/v1/users/me", copper_read, both, none, copper_user},

      {"GET", "/api/v100/rest/spaces/{account}/entities/Webhooks", pipeliner_read, both, none,
       pipeliner_list_webhooks},
      {"POST", "/api/v100/rest/spaces/{account}/entities/Webhooks", pipeliner_account, both,
       body_kind::untyped, pipeliner_create_webhook},
      {"GET", "/api/v100/rest/spaces/{account}/entities/Webhooks/{id}", pipeliner_read, both, none,
       pipeliner_get_webhook},
      {"PATCH", "/api/v100/rest/spaces/{account}/entities/Webhooks/{id}", pipeliner_account, both,
       body_kind::untyped, pipeliner_update_webhook},
      {"DELETE", "/api/v100/rest/spaces/{account}/entities/Webhooks/{id}", pipeliner_account, both, none,
       pipeliner_delete_webhook},
      {"POST", "/api/v100/rest/spaces/{account}/entities/Webhooks/batch-delete", pipeliner_account, both,
       body_kind::untyped, pipeliner_batch_delete},
      {"POST", "/api/v100/rest/spaces/{account}/entities/Webhooks/batch-restore", pipeliner_account, both,
       body_kind::untyped, pipeliner_batch_restore},
      {"POST", "/api/v100/rest/spaces/{account}/entities/Webhooks/batch-modify", pipeliner_account, both,
       body_kind::untyped, pipeliner_batch_modify},
      {"GET", "/api/v100/rest/spaces/{account}/entities/WebhookEvents", pipeliner_read, both, none,
       pipeliner_list_events},
      {"POST", "/api/v100/rest/spaces/{account}/entities/WebhookEvents", pipeliner_account, both,
       body_kind::untyped, pipeliner_add_event},
      {"GET", "/api/v100/rest/spaces/{account}/entities/WebhookEvents/{id}", pipeliner_read, both, none,
       pipeliner_get_event},
      {"DELETE", "/api/v100/rest/spaces/{account}/entities/WebhookEvents/{id}", pipeliner_account, both, none,
       pipeliner_remove_event},
  };
  return routes;
}

} // namespace carillon::api
