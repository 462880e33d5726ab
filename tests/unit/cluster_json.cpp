#define CAF_SUITE cluster_json
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "actors/cluster_view.hpp"
#include "api/cluster_json.hpp"

#include <nlohmann/json.hpp>

using namespace carillon;
using namespace std::chrono_literals;
using coordination::member_role;
using nlohmann::json;

namespace {

constexpr domain::shard_id shard{0};

/// One shard of accounts, led by "a", with a member "b", and "c", which is being filled.
struct fixture {
  fixture() {
    view.name = "test";
    view.self = "b";
    view.shards[shard] = {
        {4, "a", {{"a", member_role::full}, {"b", member_role::full}, {"c", member_role::learner}}}, 9};
  }

  json rendered() const {
    return json::parse(api::render_cluster(std::make_shared<actors::cluster_view>(view), lag, 1, 2));
  }
  json member(std::size_t number) const { return rendered()["shards"][0]["members"][number]; }
  actors::shard_lag& told() { return lag.shards.emplace(shard, actors::shard_lag{shard, 4, {}}).first->second; }

  actors::cluster_view view;
  actors::lag_report lag;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(cluster_json_tests, fixture)

CAF_TEST(a member shows how far it is behind and how far its copy is) {
  using fill = actors::member_lag::fill;
  told().members = {{"a", {{0, 0ms}}, {}}, {"b", {{3, 250ms}}, {}}, {"c", {{12, 8'000ms}}, fill{1'000, 5'000}}};
  CAF_CHECK(member(0) == json::parse(R"({"node":"a","role":"full","lag":{"rows":0,"ms":0}})"));
  CAF_CHECK(member(1) == json::parse(R"({"node":"b","role":"full","lag":{"rows":3,"ms":250}})"));
  CAF_CHECK(member(2) == json::parse(R"({"node":"c","role":"learner","lag":{"rows":12,"ms":8000},
                                         "fill":{"bytes":1000,"of":5000}})"));
  CAF_CHECK(rendered()["unanswered"] == json::array());
}

CAF_TEST(what is not known is null) {
  told().members = {{"a", {{0, 0ms}}, {}}, {"c", {}, actors::member_lag::fill{}}};
  CAF_CHECK(member(1) == json::parse(R"({"node":"b","role":"full","lag":null})"));
  CAF_CHECK(member(2) == json::parse(R"({"node":"c","role":"learner","lag":null,"fill":{"bytes":0,"of":null}})"));
  lag.shards.clear();
  lag.unanswered = {"a"};
  for (std::size_t i = 0; i < 3; ++i)
    CAF_CHECK(member(i)["lag"] == json(nullptr));
  CAF_CHECK(!member(2).contains("fill"));
  CAF_CHECK(rendered()["unanswered"] == json::parse(R"(["a"])"));
}

CAF_TEST(a node that knows nothing yet shows nothing) {
  const auto shown = json::parse(api::render_cluster(nullptr, {}, 1, 2));
  CAF_CHECK(shown["shards"] == json::array());
  CAF_CHECK(shown["unanswered"] == json::array());
  CAF_CHECK(shown["healthy"] == json(false));
}

CAF_TEST_FIXTURE_SCOPE_END()
