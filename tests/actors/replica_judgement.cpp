#define CAF_SUITE replica_judgement
#define CAF_TEST_NO_MAIN
#include "replica_fixture.hpp"

using namespace actor_tests;

namespace {

/// A primary that may serve only with a second node beside it. It has just been cut off from the only other one; the
/// link between them has not noticed yet.
struct fixture : replica_fixture {
  fixture() : replica_fixture{2, false} {}
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(replica_judgement_tests, fixture)

CAF_TEST(a node is a spare only while its link goes both ways) {
  show();
  CAF_CHECK(known().find("peer") == nullptr);
  link_goes_both_ways = true;
  show();
  CAF_REQUIRE(known().find("peer") != nullptr);
  CAF_CHECK(known().find("peer")->role == coordination::member_role::tailing);
}

CAF_TEST_FIXTURE_SCOPE_END()
