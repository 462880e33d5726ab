#define CAF_SUITE peer_mail
#define CAF_TEST_NO_MAIN
#include "actors/peer_mail.hpp"
#include "actors/peer_message.hpp"
#include "tests/actors/node_fixture.hpp"

using namespace actor_tests;

namespace {

replica_said said(domain::shard_id shard, std::string_view what) {
  replica_said out;
  out.shard = shard;
  out.boot.fill(9);
  out.at = domain::boot_time{std::chrono::hours{1}};
  out.what = what;
  return out;
}

} // namespace

CAF_TEST(messages are read as they were written) {
  const auto round = [](const peer_message& m) {
    static std::string bytes;
    bytes = encode(m);
    auto read = decode_peer_message(bytes);
    CAF_REQUIRE(read);
    return *read;
  };
  for (const auto shard : {domain::shard_id{0}, domain::shard_id{63}, domain::system_shard}) {
    const auto read = std::get<replica_said>(round(said(shard, "rows")));
    CAF_CHECK(read.shard == shard);
    CAF_CHECK(read.boot == said(shard, "").boot);
    CAF_CHECK(read.at == said(shard, "").at);
    CAF_CHECK_EQUAL(read.what, "rows");
  }
  const auto request = std::get<request_passed_on>(round(request_passed_on{300, "GET"}));
  CAF_CHECK_EQUAL(request.ticket, 300u);
  CAF_CHECK_EQUAL(request.what, "GET");
  const auto answer = std::get<answer_passed_back>(round(answer_passed_back{1, ""}));
  CAF_CHECK_EQUAL(answer.ticket, 1u);
  CAF_CHECK(answer.what.empty());
}

CAF_TEST(what is cut off or of no kind is not read) {
  const auto whole = encode(said(domain::shard_id{300}, ""));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CAF_CHECK(!decode_peer_message(std::string_view{whole}.substr(0, size)));
  CAF_CHECK(decode_peer_message(whole));
  CAF_CHECK(!decode_peer_message(std::string("\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12)));
  CAF_CHECK(!decode_peer_message(std::string("\x09rest")));
  // A shard that no store has.
  CAF_CHECK(!decode_peer_message(std::string("\x01\x80\x80\x40", 4) + std::string(20, 'x')));
}

namespace {

struct fixture : node_fixture {
  fixture()
      : mail{node,
             {},
             [this](std::uint64_t link, std::string message) {
               sent.emplace_back(link, std::move(message));
               return true;
             }} {}

  peer_mail mail;
  std::vector<std::pair<std::uint64_t, std::string>> sent;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(peer_mail_tests, fixture)

CAF_TEST(a request goes to the API and its answer back over the same link) {
  std::function<void(std::string)> answer;
  std::string asked;
  node->answer_forwarded_by([&](std::string request, std::function<void(std::string)> done) {
    asked = std::move(request);
    answer = std::move(done);
  });
  mail.take("peer", 5, encode(request_passed_on{17, "GET /"}));
  CAF_CHECK_EQUAL(asked, "GET /");
  CAF_CHECK(sent.empty());
  answer("200");
  CAF_REQUIRE_EQUAL(sent.size(), 1u);
  CAF_CHECK_EQUAL(sent[0].first, 5u);
  const auto back = std::get<answer_passed_back>(*decode_peer_message(sent[0].second));
  CAF_CHECK_EQUAL(back.ticket, 17u);
  CAF_CHECK_EQUAL(back.what, "200");
  node->answer_forwarded_by({});
}

CAF_TEST(without an API whoever asks is answered all the same) {
  mail.take("peer", 5, encode(request_passed_on{17, "GET /"}));
  CAF_REQUIRE_EQUAL(sent.size(), 1u);
  CAF_CHECK(std::get<answer_passed_back>(*decode_peer_message(sent[0].second)).what.empty());
}

CAF_TEST(with what a replica says comes its clock) {
  mail.take("peer", 5, encode(said(domain::shard_id{1'000}, "rows"))); // a shard that this node hasn't
  const auto known = node->clocks.all();
  CAF_REQUIRE_EQUAL(known.size(), 1u);
  CAF_CHECK(known[0].boot == said(domain::shard_id{0}, "").boot);
  CAF_CHECK(known[0].theirs == domain::boot_time{std::chrono::hours{1}});
  mail.take("peer", 5, "nonsense");
  CAF_CHECK(sent.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
