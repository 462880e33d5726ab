#define CAF_SUITE catalog
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "scratch_store.hpp"

#include "storage/catalog.hpp"
#include "storage/catalog_codec.hpp"
#include "storage/keys.hpp"
#include "storage/log_reader.hpp"

#include <set>

using namespace carillon;
using namespace carillon::storage;
using namespace carillon::storage_tests;

namespace {

struct fixture {
  scratch_folder folder;
  std::unique_ptr<store> s = std::make_unique<store>(small_store(folder.path + "/s"));
  std::unique_ptr<group_commit> writer = std::make_unique<group_commit>(*s);

  void reopen() {
    writer.reset();
    s.reset();
    s = std::make_unique<store>(small_store(folder.path + "/s"));
    writer = std::make_unique<group_commit>(*s);
  }

  account_profile create(const std::string& name) {
    account_profile profile;
    profile.id = name;
    profile.name = "The " + name;
    profile.created = profile.updated = domain::wall_now();
    CAF_REQUIRE(commit_tables(*writer, catalog{*s}.plan_create_account(profile)));
    return profile;
  }

  void commit(std::vector<domain::table_write> writes) {
    CAF_REQUIRE(commit_tables(*writer, std::move(writes)));
  }
};

credential make_key(domain::account_id account, const std::string& id, const std::string& secret) {
  credential c;
  c.kind = credential_kind::key;
  c.id = id;
  c.name = "key " + id;
  c.scopes = {credential_scope::account};
  c.account = account;
  c.created = domain::wall_now();
  c.hash = crypto::sha256(secret);
  return c;
}

credential make_token(const std::string& id, const std::string& secret) {
  auto c = make_key(domain::account_id{}, id, secret);
  c.kind = credential_kind::token;
  c.accounts = {"*"};
  c.scopes = {credential_scope::ingest, credential_scope::metrics};
  return c;
}

std::string names_of(const std::vector<account_profile>& profiles) {
  std::string all;
  for (const auto& profile : profiles)
    all += profile.id + " ";
  return all;
}

std::string ids_of(const std::vector<credential>& credentials) {
  std::string all;
  for (const auto& c : credentials)
    all += c.id + " ";
  return all;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(catalog_tests, fixture)

CAF_TEST(account names) {
  for (const auto* good : {"a", "Z9", "0.a_b-c", "acme"})
    CAF_CHECK(well_formed_account_name(good));
  CAF_CHECK(well_formed_account_name(std::string(64, 'a')));
  for (const auto* bad : {"", ".a", "-a", "_a", "a b", "a/b", "\xC3\xA4", "a\n"})
    CAF_CHECK(!well_formed_account_name(bad));
  CAF_CHECK(!well_formed_account_name(std::string(65, 'a')));
}

CAF_TEST(an account comes back as it was put) {
  auto profile = create("acme");
  profile.state = account_state::paused;
  profile.limits.windows = {{10, std::chrono::seconds{60}}, {100, std::chrono::seconds{3600}}};
  profile.limits.backlog_records = 7;
  profile.limits.max_subscriptions = 3;
  profile.labels = {{"plan", "gold"}, {"\xC3\xBC", "\xE2\x82\xAC"}};
  profile.updated += std::chrono::hours{1};
  commit(plan_put_account(profile));
  reopen();
  const catalog c{*s};
  CAF_CHECK(c.find_account("acme") == profile);
  CAF_CHECK(c.find_account(profile.number) == profile);
  CAF_CHECK(!c.find_account("acm"));
  CAF_CHECK(!c.find_account("acme2"));
  CAF_CHECK(!c.find_account(std::string(600, 'a')));
  CAF_CHECK(!c.find_account(domain::account_id{domain::raw(profile.number) + 64}));
}

CAF_TEST(account numbers lie in the shard of the name and are never reused) {
  std::set<domain::account_id> numbers;
  for (int i = 0; i < 50; ++i) {
    const auto name = "account-" + std::to_string(i % 5);
    const auto profile = create(name);
    CAF_CHECK(s->shard_of(profile.number) == s->shard_of(name));
    CAF_CHECK(numbers.insert(profile.number).second);
    commit(plan_delete_account(profile));
    CAF_CHECK(!catalog{*s}.find_account(name));
    CAF_CHECK(!catalog{*s}.find_account(profile.number));
    if (i == 25)
      reopen();
  }
  CAF_CHECK_EQUAL(catalog{*s}.counter(account_counter), 50u);
  CAF_CHECK_EQUAL(catalog{*s}.counter("another"), 0u);
}

CAF_TEST(accounts are listed by name in pages) {
  for (const auto* name : {"b", "a", "c.x", "c", "B"})
    create(name);
  const catalog c{*s};
  CAF_CHECK_EQUAL(names_of(c.list_accounts("", 10)), "B a b c c.x ");
  CAF_CHECK_EQUAL(names_of(c.list_accounts("", 2)), "B a ");
  CAF_CHECK_EQUAL(names_of(c.list_accounts("a", 2)), "b c ");
  CAF_CHECK_EQUAL(names_of(c.list_accounts("c", 2)), "c.x ");
  CAF_CHECK_EQUAL(names_of(c.list_accounts("aa", 1)), "b ");
  CAF_CHECK_EQUAL(names_of(c.list_accounts("c.x", 2)), "");
}

CAF_TEST(credentials are found by the hash of their secret) {
  const auto account = create("acme").number;
  auto k = make_key(account, "k1", "the secret of key one");
  k.email = "a@example.org";
  k.expires_at = domain::wall_now() + std::chrono::hours{24};
  k.last_used = domain::wall_now();
  const auto t = make_token("t1", "the secret of token one");
  commit(plan_put_credential(k));
  commit(plan_put_credential(t));
  reopen();
  const catalog c{*s};
  CAF_CHECK(c.find_credential(crypto::sha256("the secret of key one")) == k);
  CAF_CHECK(c.find_credential(crypto::sha256("the secret of token one")) == t);
  CAF_CHECK(!c.find_credential(crypto::sha256("the secret of key two")));
  CAF_CHECK(c.find_credential(account, "k1") == k);
  CAF_CHECK(c.find_credential(domain::account_id{}, "t1") == t);
  CAF_CHECK(!c.find_credential(domain::account_id{}, "k1"));
  CAF_CHECK(!c.find_credential(domain::account_id{domain::raw(account) + 1}, "k1"));
  CAF_CHECK(log_reader{*s}
                .get(key(domain::system_shard, row_kind::credential, crypto::as_view(k.hash)))
                ->find("the secret") == std::string::npos);
}

CAF_TEST(keys are listed per account and die with it) {
  const auto a = create("a").number, b = create("b").number;
  for (int i = 0; i < 5; ++i)
    commit(plan_put_credential(make_key(a, "k" + std::to_string(i), "secret a " + std::to_string(i))));
  commit(plan_put_credential(make_key(b, "k0", "secret b")));
  commit(plan_put_credential(make_token("t", "secret t")));
  const catalog c{*s};
  CAF_CHECK_EQUAL(ids_of(c.list_keys(a, "", 10)), "k0 k1 k2 k3 k4 ");
  CAF_CHECK_EQUAL(ids_of(c.list_keys(a, "k1", 2)), "k2 k3 ");
  CAF_CHECK_EQUAL(ids_of(c.list_keys(b, "", 10)), "k0 ");
  CAF_CHECK_EQUAL(ids_of(c.list_tokens("", 10)), "t ");
  commit(plan_delete_credential(*c.find_credential(a, "k1")));
  CAF_CHECK_EQUAL(ids_of(c.list_keys(a, "", 10)), "k0 k2 k3 k4 ");
  CAF_CHECK(!c.find_credential(crypto::sha256("secret a 1")));
  std::size_t steps = 0;
  for (auto writes = c.plan_delete_keys(a, 3); !writes.empty(); writes = c.plan_delete_keys(a, 3), ++steps)
    commit(writes);
  CAF_CHECK_EQUAL(steps, 2u);
  CAF_CHECK(!c.find_credential(crypto::sha256("secret a 4")));
  CAF_CHECK(c.find_credential(crypto::sha256("secret b")).has_value());
  CAF_CHECK_EQUAL(ids_of(c.list_tokens("", 10)), "t ");
}

CAF_TEST(damaged rows are errors that name them) {
  create("acme");
  const auto k = key(domain::system_shard, row_kind::name, "acme");
  auto value = *log_reader{*s}.get(k);
  value[value.size() / 2] = static_cast<char>(value[value.size() / 2] ^ 1);
  CAF_REQUIRE(put_table(*writer, k, value));
  const catalog c{*s};
  CAF_CHECK(message_of([&] { c.find_account("acme"); }).find("profile of account acme") != std::string::npos);
  CAF_CHECK(message_of([&] { c.list_accounts("", 5); }).find("profile of account acme") != std::string::npos);
  CAF_REQUIRE(put_table(*writer, key(domain::system_shard, row_kind::counter, account_counter), "x"));
  CAF_CHECK(message_of([&] { c.counter(account_counter); }).find("counter account") != std::string::npos);
}

CAF_TEST(a name that is not UTF - 8 does not stop a change) {
  account_profile profile;
  profile.id = "a";
  profile.name = "\xFF\xFE";
  CAF_CHECK(decode_account(encode_account(profile)).has_value());
}

CAF_TEST(imported secrets) {
  CAF_CHECK(importable_secret(std::string(32, 'x')));
  CAF_CHECK(importable_secret(std::string(512, '~')));
  CAF_CHECK(!importable_secret(std::string(31, 'x')));
  CAF_CHECK(!importable_secret(std::string(513, 'x')));
  CAF_CHECK(!importable_secret(std::string(31, 'x') + " y"));
  CAF_CHECK(!importable_secret(std::string(31, 'x') + "\x7F"));
  CAF_CHECK(!importable_secret(std::string(32, '\xE4')));
}

CAF_TEST_FIXTURE_SCOPE_END()
