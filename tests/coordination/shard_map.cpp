#define CAF_SUITE shard_map
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "coordination/shard_map.hpp"

#include <string>

using namespace carillon;
using namespace carillon::coordination;

namespace {

const shard_configuration three{
    7, "a", {{"a", member_role::full}, {"b", member_role::full}, {"c", member_role::tailing}}};

/// The fault of a shard's value; empty when it was taken.
std::string fault_of(std::string_view value) {
  const auto read = decode_shard("/carillon/x/shards/3", value);
  const auto* fault = std::get_if<value_fault>(&read);
  return fault == nullptr ? "" : fault->detail;
}

std::string fault_of_node(std::string_view key, std::string_view value) {
  const auto read = decode_node("x", key, value);
  const auto* fault = std::get_if<value_fault>(&read);
  return fault == nullptr ? "" : fault->detail;
}

std::string roles(const std::optional<shard_configuration>& of) {
  if (!of)
    return "none";
  std::string out = std::to_string(of->epoch) + " " + of->primary;
  for (const auto& member : of->members)
    out += " " + member.node + ":" + to_string(member.role);
  return out;
}

} // namespace

CAF_TEST(keys are written and read) {
  CAF_CHECK_EQUAL(shard_key("x", domain::shard_id{63}), "/carillon/x/shards/63");
  CAF_CHECK_EQUAL(node_key("x", "n-1"), "/carillon/x/nodes/n-1");
  CAF_CHECK_EQUAL(identity_key("x"), "/carillon/x/identity");
  CAF_CHECK_EQUAL(controller_key("x"), "/carillon/x/controller");
  for (const auto shard : {domain::shard_id{0}, domain::shard_id{63}, domain::system_shard})
    CAF_CHECK(shard_of_key("x", shard_key("x", shard)) == shard);
  for (const auto* key : {"/carillon/x/shards/", "/carillon/x/shards/03", "/carillon/x/shards/-1", "/carillon/x/shards/1/",
                          "/carillon/x/shards/65536", "/carillon/y/shards/1", "/carillon/x/nodes/1", ""})
    CAF_CHECK(!shard_of_key("x", key));
  CAF_CHECK(node_of_key("x", "/carillon/x/nodes/n-1") == "n-1");
  for (const auto* key : {"/carillon/x/nodes/", "/carillon/x/nodes/a/b", "/carillon/x/nodes/a b", "/carillon/xx/nodes/a"})
    CAF_CHECK(!node_of_key("x", key));
}

CAF_TEST(a configuration is read back as it was written) {
  const auto text = encode(three);
  CAF_CHECK_EQUAL(text, R"({"epoch":7,"primary":"a","members":[{"node":"a","role":"full"},)"
                        R"({"node":"b","role":"full"},{"node":"c","role":"tailing"}]})");
  CAF_CHECK(std::get<shard_configuration>(decode_shard("k", text)) == three);
  shard_configuration large = three;
  large.epoch = UINT64_MAX;
  CAF_CHECK(std::get<shard_configuration>(decode_shard("k", encode(large))) == large);
  for (const bool leaving : {false, true}) {
    const node_registration node{"n-1", "host \"one\"", {"10.0.0.1:7000", "[::1]:7000"}, 3, 2, leaving};
    CAF_CHECK(std::get<node_registration>(decode_node("x", node_key("x", "n-1"), encode(node))) == node);
  }
}

CAF_TEST(nonsense is refused with key and member) {
  struct bad_value {
    const char* text;
    const char* fault;
  };
  const std::string long_list = [] {
    std::string members;
    for (int i = 0; i < 11; ++i)
      members += (i == 0 ? "" : ",") + (R"({"node":"n)" + std::to_string(i) + R"(","role":"full"})");
    return R"({"epoch":1,"primary":"n0","members":[)" + members + "]}";
  }();
  const bad_value bad[] = {
      {"", "#"},
      {"x", "#"},
      {"[]", "#: must be an object"},
      {R"({"epoch":1,"epoch":2,"primary":"a","members":[]})", "twice"},
      {R"({"primary":"a","members":[]})", "#/epoch: is missing"},
      {R"({"epoch":0,"primary":"a","members":[]})", "#/epoch: must be at least 1"},
      {R"({"epoch":-1,"primary":"a","members":[]})", "#/epoch: must be a whole number"},
      {R"({"epoch":1.5,"primary":"a","members":[]})", "#/epoch: must be a whole number"},
      {R"({"epoch":"1","primary":"a","members":[]})", "#/epoch: must be a whole number"},
      {R"({"epoch":18446744073709551616,"primary":"a","members":[]})", "#/epoch: must be a whole number"},
      {R"({"epoch":1,"members":[]})", "#/primary: is missing"},
      {R"({"epoch":1,"primary":"a/b","members":[]})", "#/primary: must be a node's id"},
      {R"({"epoch":1,"primary":"a","members":{}})", "#/members: must be an array"},
      {R"({"epoch":1,"primary":"a","members":[]})", "#/primary: must be a full member"},
      {R"({"epoch":1,"primary":"a","members":["a"]})", "#/members/0: must be an object"},
      {R"({"epoch":1,"primary":"a","members":[{"node":"a","role":"king"}]})", "#/members/0/role: must be full"},
      {R"({"epoch":1,"primary":"a","members":[{"node":"a","role":"learner"}]})", "#/primary: must be a full"},
      {R"({"epoch":1,"primary":"a","members":[{"node":"a","role":"full"},{"node":"a","role":"full"}]})",
       "#/members/1/node: is there twice"},
      {R"({"epoch":1,"primary":"a","members":[{"node":"a","role":"full","x":1}]})", "#/members/0/x: is not known"},
      {R"({"epoch":1,"primary":"a","members":[{"node":"a","role":"full"}],"y":1})", "#/y: is not known"},
      {long_list.c_str(), "#/members: must be at most 10"},
  };
  for (const auto& each : bad) {
    const auto fault = fault_of(each.text);
    CAF_CHECK(fault.starts_with("/carillon/x/shards/3: "));
    if (fault.find(each.fault) == std::string::npos)
      CAF_ERROR(each.text << " gave \"" << fault << "\" without \"" << each.fault << "\"");
  }
  const auto* key = "/carillon/x/nodes/n";
  CAF_CHECK_EQUAL(fault_of_node(key, R"({"name":"n","addresses":[],"protocol":1,"oldest_protocol":1})"),
                  "/carillon/x/nodes/n: #/addresses: must be 1 to 16");
  CAF_CHECK_EQUAL(fault_of_node(key, R"({"name":"n","addresses":["a:1",2],"protocol":1,"oldest_protocol":1})"),
                  "/carillon/x/nodes/n: #/addresses/1: must be an address with a port");
  CAF_CHECK_EQUAL(fault_of_node(key, R"({"name":"n","addresses":["a:1"],"protocol":1,"oldest_protocol":2})"),
                  "/carillon/x/nodes/n: #/oldest_protocol: must not be above protocol");
  CAF_CHECK_EQUAL(fault_of_node(key, R"({"name":"n","addresses":["a:1"],"protocol":4294967296,"oldest_protocol":1})"),
                  "/carillon/x/nodes/n: #/protocol: is too large");
  CAF_CHECK_EQUAL(fault_of_node(key, R"({"name":"n","addresses":["a:1"],"protocol":1,"oldest_protocol":1,"leaving":1})"),
                  "/carillon/x/nodes/n: #/leaving: must be true or false");
  CAF_CHECK(!fault_of_node("/carillon/x/nodes/a b", "{}").empty());
}

CAF_TEST(each step gives the next epoch or nothing) {
  CAF_CHECK_EQUAL(roles(without_member(three, "b")), "8 a a:full c:tailing");
  CAF_CHECK_EQUAL(roles(without_member(three, "a")), "none");
  CAF_CHECK_EQUAL(roles(without_member(three, "d")), "none");
  CAF_CHECK_EQUAL(roles(taken_over_by(three, "b")), "8 b b:full c:tailing");
  CAF_CHECK_EQUAL(roles(taken_over_by(three, "c")), "none"); // its log has no beginning
  CAF_CHECK_EQUAL(roles(taken_over_by(three, "a")), "none");
  CAF_CHECK_EQUAL(roles(taken_over_by(three, "d")), "none");
  CAF_CHECK_EQUAL(roles(handed_to(three, "b")), "8 b a:full b:full c:tailing");
  CAF_CHECK_EQUAL(roles(handed_to(three, "c")), "none");
  CAF_CHECK_EQUAL(roles(handed_to(three, "a")), "none");
  CAF_CHECK_EQUAL(roles(renewed_by(three, "a")), "8 a a:full b:full c:tailing");
  CAF_CHECK_EQUAL(roles(renewed_by(three, "b")), "none");
  CAF_CHECK_EQUAL(roles(with_learner(three, "d")), "8 a a:full b:full c:tailing d:learner");
  CAF_CHECK_EQUAL(roles(with_learner(three, "c")), "none");
  CAF_CHECK_EQUAL(roles(with_learner(three, "d e")), "none");
  CAF_CHECK_EQUAL(roles(promoted(three, "c", member_role::full)), "8 a a:full b:full c:full");
  CAF_CHECK_EQUAL(roles(promoted(three, "c", member_role::tailing)), "none");
  CAF_CHECK_EQUAL(roles(promoted(three, "c", member_role::learner)), "none");
  const auto four = *with_learner(three, "d");
  CAF_CHECK_EQUAL(roles(promoted(four, "d", member_role::tailing)), "9 a a:full b:full c:tailing d:tailing");
  CAF_CHECK_EQUAL(roles(promoted(four, "d", member_role::full)), "9 a a:full b:full c:tailing d:full");
  CAF_CHECK_EQUAL(roles(demoted(three, "b")), "8 a a:full b:learner c:tailing");
  CAF_CHECK_EQUAL(roles(demoted(three, "a")), "none");
  CAF_CHECK_EQUAL(roles(demoted(four, "d")), "none");
  CAF_CHECK_EQUAL(four.acknowledging(), 3u);
  CAF_CHECK_EQUAL(four.count(member_role::full), 2u);
}

CAF_TEST(every step from any configuration can be written and read) {
  const auto four = *with_learner(three, "d");
  for (const auto& next : {without_member(four, "b"), taken_over_by(four, "b"), handed_to(four, "b"), renewed_by(four, "a"),
                           with_learner(four, "e"), promoted(four, "d", member_role::tailing), demoted(four, "c")}) {
    CAF_REQUIRE(next);
    CAF_CHECK(std::get<shard_configuration>(decode_shard("k", encode(*next))) == *next);
  }
}
