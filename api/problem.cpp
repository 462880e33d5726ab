#include "api/problem.hpp"

#include "domain/json_write.hpp"

#include <algorithm>
#include <array>

namespace carillon::api {

namespace {

constexpr std::array kinds{
    problem_kind{"malformed", 400, "The request can't be read"},
    problem_kind{"invalid-parameter", 400, "A query parameter is not valid"},
    problem_kind{"unauthorized", 401, "Credentials are missing or wrong"},
    problem_kind{"forbidden", 403, "The credentials' scope doesn't reach this"},
    problem_kind{"not-found", 404, "There is no such thing"},
    problem_kind{"method-not-allowed", 405, "The resource doesn't know this method"},
    problem_kind{"request-timeout", 408, "The request came too slowly"},
    problem_kind{"account-exists", 409, "The account exists already"},
    problem_kind{"conflict", 409, "The object was changed meanwhile"},
    problem_kind{"secret-exists", 409, "Another credential has this secret"},
    problem_kind{"subscription-limit", 409, "The account has as many subscriptions as it may have"},
    problem_kind{"cursor-gone", 410, "What the cursor names is no longer kept"},
    problem_kind{"too-large", 413, "The body is too large"},
    problem_kind{"too-many-events", 413, "The request holds too many events or records"},
    problem_kind{"unsupported-media-type", 415, "The body must be application/json"},
    problem_kind{"expectation-failed", 417, "The expectation is unknown"},
    problem_kind{"event-id-reused", 422, "The event id was used for other content"},
    problem_kind{"invalid", 422, "The request's content is not valid"},
    problem_kind{"too-many-requests", 429, "Your share is used up"},
    problem_kind{"head-too-large", 431, "The request's head is too long"},
    problem_kind{"internal", 500, "Carillon failed"},
    problem_kind{"draining", 503, "The node is shutting down"},
    problem_kind{"no-quorum", 503, "Too few nodes are there"},
    problem_kind{"overloaded", 503, "The node has more to do than it can"},
    problem_kind{"store-full", 503, "The store is full"},
    problem_kind{"http-version", 505, "The version of HTTP is not spoken"},
};

} // namespace

std::span<const problem_kind> problem_kinds() {
  return kinds;
}

const problem_kind& problem_of(std::string_view slug) {
  const auto find = [](std::string_view name) {
    return std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.slug == name; });
  };
  const auto found = find(slug);
  return found != kinds.end() ? *found : *find("internal");
}

refusal::refusal(std::string_view slug, std::string detail, std::vector<domain::field_error> errors)
    : error_{problem_of(slug).status, std::string{slug}, std::move(detail), std::move(errors), 0} {}

refusal& refusal::with_field(std::string name, std::string value) {
  fields_.add(std::move(name), std::move(value));
  return *this;
}

refusal& refusal::with_member(std::string name, std::string value) {
  members_.emplace_back(std::move(name), std::move(value));
  return *this;
}

std::uint32_t retry_after(const account::request_error& error) {
  if (error.status != 429 && error.status != 503)
    return 0;
  return std::max(error.retry_after, std::uint32_t{1});
}

net::http_response problem_response(const refusal& why, std::string_view request_id) {
  const auto& error = why.error();
  const auto& kind = problem_of(error.slug);
  net::http_response response;
  response.status = error.status;
  response.content_type = "application/problem+json";
  response.fields = why.fields();
  if (const auto seconds = retry_after(error); seconds > 0)
    response.fields.add("Retry-After", std::to_string(seconds));
  domain::object_writer object{response.body};
  object.text("type", "urn:carillon:problem:" + std::string{kind.slug}).text("title", kind.title);
  object.number("status", static_cast<std::uint64_t>(error.status)).text("detail", error.detail);
  if (!error.errors.empty()) {
    auto& out = object.open("errors");
    out += '[';
    for (const auto& one : error.errors) {
      if (&one != &error.errors.front())
        out += ',';
      domain::object_writer{out}.text("pointer", one.pointer).text("detail", one.detail).close();
    }
    out += ']';
  }
  for (const auto& [name, value] : why.members())
    object.text(name, value);
  object.text("request_id", request_id);
  object.close();
  return response;
}

} // namespace carillon::api
