#pragma once

#include <string_view>

namespace carillon::api {

/// The API's description: OpenAPI 3.1 as JSON, from `api/openapi.json`.
std::string_view openapi_document();

} // namespace carillon::api
