#include "api/authorization.hpp"

#include "domain/dialects/copper.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace carillon::api {

namespace {

using storage::credential_scope;

refusal unauthorized(std::string detail, std::string challenge) {
  refusal why{"unauthorized", std::move(detail)};
  why.with_field("WWW-Authenticate", std::move(challenge));
  return why;
}

refusal out_of_scope(std::string_view needed) {
  return {"forbidden", "this needs the scope " + std::string{needed}};
}

/// Null when nobody has this secret.
caller_ptr caller_of(surroundings& around, std::string_view secret) {
  auto who = around.credentials.identify(secret);
  if (!who || !who->is_operator)
    require_current_catalog(around.node);
  return who;
}

account_ptr account_of(surroundings& around, const std::string& name) {
  require_current_catalog(around.node);
  return around.credentials.find_account(name);
}

caller_ptr identify(surroundings& around, const net::http_request& request) {
  const auto authorization = request.fields.find("Authorization");
  if (!authorization)
    throw unauthorized("send \"Authorization: Bearer <token>\"", "Bearer realm=\"carillon\"");
  const auto secret = bearer_secret(authorization);
  auto who = secret ? caller_of(around, *secret) : nullptr;
  if (!who)
    throw unauthorized("the token is unknown, expired or revoked",
                       "Bearer realm=\"carillon\", error=\"invalid_token\"");
  return who;
}

bool reaches(const caller& who, access needs) {
  switch (needs) {
  case access::explain:
    return who.reaches(credential_scope::ingest) || who.reaches(credential_scope::account);
  case access::ingest:
    return who.reaches(credential_scope::ingest);
  case access::account:
  case access::copper_account:
  case access::pipeliner_account:
    return who.reaches(credential_scope::account);
  default:
    return who.reaches(credential_scope::read);
  }
}

std::string_view name_of(access needs) {
  switch (needs) {
  case access::explain:
    return "ingest or account";
  case access::ingest:
    return "ingest";
  case access::account:
  case access::copper_account:
  case access::pipeliner_account:
    return "account";
  default:
    return "read";
  }
}

/// Whether the client is on this machine, with no proxy in between that might speak for others.
bool is_local(const net::http_request& request) {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(request.remote, ec);
  return !ec && address.is_loopback() && !request.fields.find("X-Forwarded-For") &&
         !request.fields.find("Forwarded");
}

permission authorize_metrics(surroundings& around, const net::http_request& request) {
  const bool trusted = request.role == net::listener_role::admin || is_local(request);
  if (trusted && !request.fields.find("Authorization"))
    return {};
  permission result{identify(around, request), nullptr};
  if (!result.who->reaches(credential_scope::metrics))
    throw out_of_scope("metrics");
  return result;
}

bool same_email(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

permission authorize_copper(surroundings& around, access needs, const net::http_request& request,
                            first_look look) {
  const auto secret = request.fields.find("X-PW-AccessToken");
  permission result{secret ? caller_of(around, *secret) : nullptr, nullptr};
  const bool known =
      result.who && result.who->is_key() &&
      (!result.who->credential.email ||
       same_email(request.fields.find("X-PW-UserEmail").value_or(""), *result.who->credential.email));
  if (!known)
    throw unauthorized(std::string{domain::copper_bad_token}, "X-PW-AccessToken realm=\"carillon\"");
  result.account = around.credentials.find_account(result.who->credential.account);
  if (!result.account)
    throw unauthorized(std::string{domain::copper_bad_token}, "X-PW-AccessToken realm=\"carillon\"");
  if (!reaches(*result.who, needs))
    throw refusal{"forbidden", "This token may only read"};
  if (look == first_look::no)
    return result;
  if (const auto wait = around.copper_calls.take(result.account->number, domain::boot_clock::now()); wait > 0)
    throw refusal{account::request_error{
        429, "too-many-requests", "Too many requests: at most 180 calls a minute", {}, wait}};
  return result;
}

permission authorize_pipeliner(surroundings& around, access needs, const std::string& account,
                               const net::http_request& request) {
  const auto pair = basic_pair(request.fields.find("Authorization"));
  permission result{pair ? caller_of(around, pair->second) : nullptr, nullptr};
  if (!result.who || !result.who->is_key() || result.who->credential.id != pair->first)
    throw unauthorized(pair ? "the key is unknown, expired or revoked"
                            : "send a key's id and secret as user name and password of HTTP Basic",
                       "Basic realm=\"carillon\", charset=\"UTF-8\"");
  result.account = account_of(around, account);
  if (!result.account || !result.who->covers(*result.account))
    throw refusal{"not-found", "there is no space " + account.substr(0, 64)};
  if (!reaches(*result.who, needs))
    throw refusal{"forbidden", "this key may only read"};
  return result;
}

} // namespace

permission authorize(surroundings& around, const route& wanted, const std::vector<std::string>& values,
                     const net::http_request& request, first_look look) {
  switch (wanted.needs) {
  case access::open:
    return {};
  case access::metrics:
    return authorize_metrics(around, request);
  case access::copper_read:
  case access::copper_account:
    return authorize_copper(around, wanted.needs, request, look);
  case access::pipeliner_read:
  case access::pipeliner_account:
    return authorize_pipeliner(around, wanted.needs, values.front(), request);
  case access::admin: {
    permission result{identify(around, request), nullptr};
    if (!result.who->reaches(credential_scope::admin))
      throw out_of_scope("admin");
    if (!values.empty() && wanted.path.starts_with("/v1/accounts/"))
      result.account = account_of(around, values.front());
    return result;
  }
  default:
    break;
  }
  permission result{identify(around, request), account_of(around, values.front())};
  if (!result.account || !result.who->covers(*result.account))
    throw refusal{"not-found", "there is no such account"};
  if (!reaches(*result.who, wanted.needs))
    throw out_of_scope(name_of(wanted.needs));
  return result;
}

} // namespace carillon::api
