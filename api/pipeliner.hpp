#pragma once

#include "api/call.hpp"
#include "net/task.hpp"

#include <string_view>

/// Pipeliner's webhook API, under /api/v100/rest/spaces/{account}/entities.
namespace carillon::api {

/// Whether a path belongs to this surface, so that every error on it speaks Pipeliner's form.
bool is_pipeliner_path(std::string_view path);

/// An error in Pipeliner's form.
net::http_response pipeliner_refusal(const refusal& why, std::string_view path);

// Webhooks
net::task<net::http_response> pipeliner_list_webhooks(call& c);
net::task<net::http_response> pipeliner_create_webhook(call& c);
net::task<net::http_response> pipeliner_get_webhook(call& c);
net::task<net::http_response> pipeliner_update_webhook(call& c);
net::task<net::http_response> pipeliner_delete_webhook(call& c);
net::task<net::http_response> pipeliner_batch_delete(call& c);
net::task<net::http_response> pipeliner_batch_restore(call& c);
net::task<net::http_response> pipeliner_batch_modify(call& c);

// WebhookEvents: one per webhook and event it wants
net::task<net::http_response> pipeliner_list_events(call& c);
net::task<net::http_response> pipeliner_add_event(call& c);
net::task<net::http_response> pipeliner_get_event(call& c);
net::task<net::http_response> pipeliner_remove_event(call& c);

} // namespace carillon::api
