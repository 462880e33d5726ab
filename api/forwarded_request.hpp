#pragma once

#include "net/http_message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Requests and answers as one node passes them to another.
namespace carillon::api {

struct forwarded_request {
  net::http_request request;
  std::uint64_t catalog = 0; ///< how far the catalog is where the request came in
};
/// Writes one without having it.
std::string encode_request(const net::http_request& request, std::uint64_t catalog);
/// Nothing for what can't be read.
std::optional<forwarded_request> decode_request(std::string_view text);

struct forwarded_answer {
  net::http_response response;
  std::uint64_t catalog = 0; ///< how far the catalog was when the node answered
  bool moved = false;        ///< no answer: nothing was done, for the node no longer serves what was asked
};
std::string encode_answer(const forwarded_answer& answer);
std::optional<forwarded_answer> decode_answer(std::string_view text);

} // namespace carillon::api
