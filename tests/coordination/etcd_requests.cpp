#define CAF_SUITE etcd_requests
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "coordination/etcd_requests.hpp"
#include "coordination/json_reader.hpp"
#include "crypto/base64.hpp"

#include <functional>
#include <limits>
#include <string>
#include <vector>

using namespace carillon::coordination;
using namespace std::chrono_literals;
using carillon::crypto::base64_encode;
using nlohmann::json;

namespace {

const std::string header = R"("header":{"cluster_id":"14841639068965178418","member_id":"1","revision":"7","raft_term":"2"})";

/// An entry as etcd writes it.
std::string kv(const std::string& key, const std::string& value) {
  return R"({"key":")" + base64_encode(key) + R"(","create_revision":"5","mod_revision":"6","version":"2","value":")" +
         base64_encode(value) + R"(","lease":"7587848943239472601"})";
}

std::string range_answer(const std::string& kvs) {
  return "{" + header + R"(,"kvs":[)" + kvs + R"(],"count":"1"})";
}

bool mismatches(const std::function<void()>& read) {
  try {
    read();
  } catch (const json_mismatch&) {
    return true;
  }
  return false;
}

} // namespace

CAF_TEST(a swap compares by all four fields and reads what is there when they differ) {
  const auto put = swap_request_of({"/a/1", 42, "one", 99});
  CAF_CHECK_EQUAL(put.path, "/v3/kv/txn");
  CAF_CHECK_EQUAL(put.body, R"({"compare":[{"result":"EQUAL","target":"MOD","key":"L2EvMQ==","mod_revision":"42"}],)"
                            R"("success":[{"request_put":{"key":"L2EvMQ==","value":"b25l","lease":"99"}}],)"
                            R"("failure":[{"request_range":{"key":"L2EvMQ=="}}]})");
  // "Absent" is said, too: a compare without its number would be one with another meaning somewhere.
  const auto remove = swap_request_of({"/a/1", 0, std::nullopt, 0});
  CAF_CHECK_EQUAL(remove.body, R"({"compare":[{"result":"EQUAL","target":"MOD","key":"L2EvMQ==","mod_revision":"0"}],)"
                               R"("success":[{"request_delete_range":{"key":"L2EvMQ=="}}],)"
                               R"("failure":[{"request_range":{"key":"L2EvMQ=="}}]})");
}

CAF_TEST(keys and values go as base64 and large numbers as strings) {
  const std::string wild("\0\xFF\"\\\n", 5);
  const auto put = json::parse(swap_request_of({wild, std::numeric_limits<revision>::max(), wild, 0}).body);
  CAF_CHECK_EQUAL(put["compare"][0]["key"], base64_encode(wild));
  CAF_CHECK_EQUAL(put["compare"][0]["mod_revision"], "9223372036854775807");
  CAF_CHECK_EQUAL(put["success"][0]["request_put"]["value"], base64_encode(wild));
  CAF_CHECK_EQUAL(grant_request(5s).body, R"({"TTL":"5"})");
  CAF_CHECK_EQUAL(keep_alive_request(7587848943239472601).body, R"({"ID":"7587848943239472601"})");
}

CAF_TEST(a range is one key or a prefix and never serializable) {
  CAF_CHECK_EQUAL(range_request("/a", reach::key).body, R"({"key":"L2E="})");
  CAF_CHECK_EQUAL(range_request("/a", reach::prefix).body, R"({"key":"L2E=","range_end":"L2I="})");
  const auto end_of = [](const std::string& prefix) {
    return json::parse(range_request(prefix, reach::prefix).body)["range_end"].get<std::string>();
  };
  CAF_CHECK_EQUAL(end_of("a\xFF"), base64_encode("b"));
  CAF_CHECK_EQUAL(end_of("\xFF"), base64_encode(std::string(1, '\0')));
  CAF_CHECK_EQUAL(watch_request("/a", 12).body,
                  R"({"create_request":{"key":"L2E=","range_end":"L2I=","start_revision":"12"}})");
}

CAF_TEST(what is absent is zero or false) {
  const auto nothing = read_range("{" + header + "}", "/a", reach::key);
  CAF_CHECK(nothing.entries.empty());
  CAF_CHECK_EQUAL(nothing.header.cluster, 14841639068965178418u);
  CAF_CHECK_EQUAL(nothing.header.at, 7);
  const swap_request asked{"/a", 3, "x", 0};
  const auto failed = read_swap("{" + header + R"(,"responses":[{"response_range":{}}]})", asked);
  CAF_CHECK(!failed.succeeded && !failed.current);
  const auto put = read_swap("{" + header + R"(,"succeeded":true,"responses":[{"response_put":{}}]})", asked);
  CAF_CHECK(put.succeeded);
  CAF_CHECK(put.current == entry({"/a", "x", 7, 0}));
  const auto ended = read_renewal(R"({"result":{)" + header + R"(,"ID":"5"}})");
  CAF_CHECK_EQUAL(ended.ttl.count(), 0);
  CAF_CHECK(!read_status("{" + header + "}").has_leader);
  CAF_CHECK(read_status("{" + header + R"(,"leader":"5"})").has_leader);
  const auto empty = read_range(range_answer(R"({"key":"L2E=","mod_revision":"6"})"), "/a", reach::key);
  CAF_CHECK(empty.entries == std::vector<entry>({{"/a", "", 6, 0}}));
  const auto line = read_watch_line(R"({"result":{)" + header + R"(,"events":[{"kv":)" + kv("/a", "v") +
                                      R"(},{"type":"DELETE","kv":{"key":"L2E=","mod_revision":"7"}}]}})",
                                    "/a");
  CAF_CHECK(!line.created && !line.canceled);
  CAF_REQUIRE_EQUAL(line.changes.size(), 2u);
  CAF_CHECK(line.changes[0].now.has_value() && !line.changes[1].now);
  CAF_CHECK_EQUAL(line.changes[1].at, 7);
}

CAF_TEST(an answer that is not of that kind or to that request is none) {
  const auto range = [](const std::string& body) {
    return mismatches([&] { read_range(body, "/a", reach::key); });
  };
  CAF_CHECK(!range(range_answer(kv("/a", "v"))));
  for (const std::string body :
       {"", "{", "null", "[]", "7", "{}", R"({"header":[]})", R"({"header":{"revision":"7"}})",
        R"({"header":{"cluster_id":7,"revision":"7"}})", R"({"header":{"cluster_id":"x","revision":"7"}})",
        R"({"header":{"cluster_id":"7","revision":"7.5"}})", R"({"header":{"cluster_id":"7","revision":""}})",
        R"({"header":{"cluster_id":"7","revision":"9223372036854775808"}})"})
    CAF_CHECK(range(body));
  CAF_CHECK(range("{" + header + R"(,"kvs":{}})"));
  CAF_CHECK(range(range_answer("7")));
  CAF_CHECK(range(range_answer(R"({"key":"not base64","mod_revision":"6"})")));
  CAF_CHECK(range(range_answer(R"({"key":"L2E="})")));
  CAF_CHECK(range(range_answer(R"({"key":"L2E=","mod_revision":6})")));
  CAF_CHECK(range(range_answer(R"({"key":"L2E=","mod_revision":"-6"})")));
  CAF_CHECK(range(range_answer(kv("/ab", "v"))));
  CAF_CHECK(range(range_answer(kv("/a", "v")) + "{}"));

  const swap_request asked{"/a", 3, "x", 0};
  const auto swap = [&](const std::string& members) {
    return mismatches([&] { read_swap("{" + header + members + "}", asked); });
  };
  CAF_CHECK(swap(""));
  CAF_CHECK(swap(R"(,"succeeded":true)"));
  CAF_CHECK(swap(R"(,"succeeded":"true","responses":[{"response_put":{}}])"));
  CAF_CHECK(swap(R"(,"succeeded":true,"responses":[])"));
  CAF_CHECK(swap(R"(,"succeeded":true,"responses":[{"response_put":{}},{"response_put":{}}])"));
  CAF_CHECK(swap(R"(,"succeeded":true,"responses":[{"response_delete_range":{}}])"));
  CAF_CHECK(swap(R"(,"responses":[{"response_put":{}}])"));
  CAF_CHECK(swap(R"(,"responses":[{"response_range":{"kvs":[)" + kv("/b", "v") + "]}}]"));
  CAF_CHECK(swap(R"(,"responses":[{"response_range":{"kvs":[)" + kv("/a", "v") + "," + kv("/a", "v") + "]}}]"));
  CAF_CHECK(!swap(R"(,"responses":[{"response_range":{"kvs":[)" + kv("/a", "v") + "]}}]"));

  CAF_CHECK(mismatches([] { read_lease("{" + header + R"(,"ID":"5"})"); }));
  CAF_CHECK(mismatches([] { read_lease("{" + header + R"(,"TTL":"5"})"); }));
  CAF_CHECK(mismatches([] { read_renewal("{" + header + R"(,"ID":"5","TTL":"5"})"); }));
  CAF_CHECK(mismatches([] { read_renewal(R"({"error":{"grpc_code":5,"message":"gone"}})"); }));
  const auto line = [](const std::string& members) {
    return mismatches([&] { read_watch_line(R"({"result":{)" + header + members + "}}", "/a"); });
  };
  CAF_CHECK(!line(R"(,"created":true)"));
  CAF_CHECK(line(R"(,"created":1)"));
  CAF_CHECK(line(R"(,"events":[{}])"));
  CAF_CHECK(line(R"(,"events":[{"type":"LOCK","kv":)" + kv("/a", "v") + "}]"));
  CAF_CHECK(line(R"(,"events":[{"kv":)" + kv("/b", "v") + "}]"));
}

CAF_TEST(an error says whether something was done) {
  const auto what = [](unsigned status, const std::string& body) { return read_error(status, body).what; };
  CAF_CHECK(what(404, R"({"error":"etcdserver: requested lease not found","code":5})") == failure::refused);
  CAF_CHECK(what(400, R"({"error":"etcdserver: duplicate key given in txn request","message":"m","code":3})") ==
            failure::refused);
  CAF_CHECK(what(429, R"({"error":"etcdserver: mvcc: database space exceeded","code":8})") == failure::full);
  CAF_CHECK(what(429, R"({"error":"etcdserver: too many requests","code":8})") == failure::unreachable);
  CAF_CHECK(what(503, R"({"error":"etcdserver: no leader","code":14})") == failure::unreachable);
  CAF_CHECK(what(500, R"({"error":"etcdserver: request timed out","code":2})") == failure::unreachable);
  for (const std::string body : {"", "<html>", "{}", R"({"code":"5","error":"x"})", R"({"code":5})"})
    CAF_CHECK(what(502, body) == failure::unreadable);
  const auto shown = read_error(502, "\x1B[2J" + std::string(1'000'000, 'x')).detail;
  CAF_CHECK(shown.size() < 300);
  CAF_CHECK(shown.find('\x1B') == std::string::npos);
}
