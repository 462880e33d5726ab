#pragma once

#include "account/requests.hpp"
#include "net/http_message.hpp"

#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the API answers when it doesn't do what was asked.
namespace carillon::api {

/// One entry of the fixed list that programs may rely on; OpenAPI repeats it.
struct problem_kind {
  std::string_view slug; ///< `type` is "urn:carillon:problem:" and this
  int status;
  std::string_view title;
};

/// All of them, by status.
std::span<const problem_kind> problem_kinds();

/// The entry of that slug; that of "internal" for a slug that is not in the list.
const problem_kind& problem_of(std::string_view slug);

/// A request that is not done, thrown by whoever finds out; `service` answers it in the words of the dialect
/// asked.
class refusal final : public std::exception {
public:
  /// The status is the slug's.
  refusal(std::string_view slug, std::string detail, std::vector<domain::field_error> errors = {});
  explicit refusal(account::request_error error) : error_{std::move(error)} {}

  /// Adds a header field to the answer.
  refusal& with_field(std::string name, std::string value);
  /// Adds a member of text to the answer's object.
  refusal& with_member(std::string name, std::string value);

  const char* what() const noexcept override { return error_.detail.c_str(); }
  const account::request_error& error() const noexcept { return error_; }
  const net::http_fields& fields() const noexcept { return fields_; }
  const std::vector<std::pair<std::string, std::string>>& members() const noexcept { return members_; }

private:
  account::request_error error_;
  net::http_fields fields_;
  std::vector<std::pair<std::string, std::string>> members_;
};

/// The answer of RFC 9457: application/problem+json.
net::http_response problem_response(const refusal& why, std::string_view request_id);

/// Seconds for Retry-After, or 0: always some for 429 and 503.
std::uint32_t retry_after(const account::request_error& error);

} // namespace carillon::api
