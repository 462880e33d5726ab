#define CAF_SUITE api_authentication
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "api/authentication.hpp"
#include "api/call_limit.hpp"

using namespace carillon;
using namespace carillon::api;
using storage::credential_scope;
using namespace std::chrono_literals;

namespace {

caller holder(std::vector<credential_scope> scopes, std::vector<std::string> accounts) {
  caller who;
  who.credential.scopes = std::move(scopes);
  who.credential.accounts = std::move(accounts);
  return who;
}

storage::account_profile account(std::string name, std::uint64_t number) {
  storage::account_profile profile;
  profile.id = std::move(name);
  profile.number = domain::account_id{number};
  return profile;
}

std::string reach(credential_scope scope) {
  using enum credential_scope;
  const auto who = holder({scope}, {"*"});
  std::string out;
  for (const auto wanted : {admin, credential_scope::account, read, ingest, metrics})
    out += who.reaches(wanted) ? '1' : '0';
  return out;
}

} // namespace

CAF_TEST(a_bearer_secret_is_what_follows_the_scheme) {
  CAF_CHECK_EQUAL(bearer_secret("Bearer abc").value_or(""), "abc");
  CAF_CHECK_EQUAL(bearer_secret("bEARER   abc").value_or(""), "abc");
  for (const auto* bad : {"", "Bearer", "Bearer ", "Bearerabc", "Basic abc", "Token abc", "abc"})
    CAF_CHECK(!bearer_secret(bad));
  CAF_CHECK(!bearer_secret(std::nullopt));
}

CAF_TEST(basic_credentials_are_parted_at_the_first_colon) {
  // "key:se:cret"
  const auto pair = basic_pair("Basic a2V5OnNlOmNyZXQ=");
  CAF_REQUIRE(pair);
  CAF_CHECK_EQUAL(pair->first, "key");
  CAF_CHECK_EQUAL(pair->second, "se:cret");
  CAF_CHECK(!basic_pair("Basic a2V5"));
  CAF_CHECK(!basic_pair("Basic !!!"));
  CAF_CHECK(!basic_pair("Bearer a2V5OnNlOmNyZXQ="));
}

CAF_TEST(scopes_reach_what_the_contract_says) {
  using enum credential_scope;
  CAF_CHECK_EQUAL(reach(admin), "11111");
  CAF_CHECK_EQUAL(reach(credential_scope::account), "01100");
  CAF_CHECK_EQUAL(reach(read), "00100");
  CAF_CHECK_EQUAL(reach(ingest), "00010");
  CAF_CHECK_EQUAL(reach(metrics), "00001");
}

CAF_TEST(a_token_covers_the_accounts_it_names) {
  const auto named = holder({credential_scope::read}, {"a", "b"});
  CAF_CHECK(named.covers(account("a", 1)) && named.covers(account("b", 2)));
  CAF_CHECK(!named.covers(account("c", 3)) && !named.covers(account("*", 4)));
  CAF_CHECK(holder({credential_scope::read}, {"*"}).covers(account("c", 3)));
  CAF_CHECK(!holder({credential_scope::read}, {}).covers(account("a", 1)));
  CAF_CHECK(holder({credential_scope::admin}, {}).covers(account("a", 1)));
}

CAF_TEST(a_key_covers_its_own_account_by_number) {
  caller who;
  who.credential.kind = storage::credential_kind::key;
  who.credential.account = domain::account_id{7};
  // What it names doesn't count, and a later account of the same name is another one.
  who.credential.accounts = {"*"};
  CAF_CHECK(who.covers(account("a", 7)));
  CAF_CHECK(!who.covers(account("a", 8)));
}

CAF_TEST(calls_are_counted_in_a_sliding_minute) {
  call_limit limit{{3, 60s}};
  const domain::account_id one{1}, two{2};
  const domain::boot_time t{1000s};
  CAF_CHECK_EQUAL(limit.take(one, t), 0u);
  CAF_CHECK_EQUAL(limit.take(one, t + 10s), 0u);
  CAF_CHECK_EQUAL(limit.take(one, t + 20s), 0u);
  CAF_CHECK_EQUAL(limit.take(one, t + 30s), 30u);
  // What was refused doesn't count, and others don't either.
  CAF_CHECK_EQUAL(limit.take(two, t + 30s), 0u);
  CAF_CHECK_EQUAL(limit.take(one, t + 61s), 0u);
  CAF_CHECK_EQUAL(limit.take(one, t + 61s), 9u);
}
