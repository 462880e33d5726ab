#pragma once

#include "api/call.hpp"
#include "net/task.hpp"


/// Every handler of the native API and of operations; `routes.cpp` says what each is for.
namespace carillon::api {

using answer = net::task<net::http_response>;

// accounts.cpp
answer put_account(call& c);
answer post_account(call& c);
answer list_accounts(call& c);
answer get_account(call& c);
answer delete_account(call& c);

// credentials.cpp
answer post_key(call& c);
answer list_keys(call& c);
answer delete_key(call& c);
answer post_token(call& c);
answer list_tokens(call& c);
answer delete_token(call& c);

// events.cpp
answer post_events(call& c);
answer explain_event(call& c);

// subscriptions.cpp
answer list_subscriptions(call& c);
answer get_subscription(call& c);
answer patch_subscription(call& c);
answer delete_subscription(call& c);
answer rotate_secret(call& c);
answer test_subscription(call& c);

// notifications.cpp
answer list_notifications(call& c);
answer get_notification(call& c);
answer list_missed(call& c);

// usage.cpp
answer get_usage(call& c);

// operations.cpp
answer get_healthz(call& c);
answer get_readyz(call& c);
answer get_metrics(call& c);
answer get_openapi(call& c);
answer get_cluster(call& c);
answer post_release(call& c);

} // namespace carillon::api
