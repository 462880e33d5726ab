#pragma once

#include "api/call.hpp"
#include "net/task.hpp"

#include <string_view>

/// Copper's subscription API, below /developer_api/v1: every success is exactly 200 with a JSON body, every
/// error has Copper's envelope.
namespace carillon::api {

net::task<net::http_response> copper_list(call& c);
net::task<net::http_response> copper_create(call& c);
net::task<net::http_response> copper_get(call& c);
net::task<net::http_response> copper_update(call& c);
net::task<net::http_response> copper_delete(call& c);
net::task<net::http_response> copper_user(call& c);

/// Whether the path belongs to Copper's API, also where nothing is at it.
bool is_copper_path(std::string_view path);

/// A refusal in Copper's envelope.
net::http_response copper_refusal(const refusal& why);

} // namespace carillon::api
