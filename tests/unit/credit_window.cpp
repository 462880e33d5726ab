#define CAF_SUITE credit_window
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "actors/credit_window.hpp"

#include <memory>
#include <string>

using namespace carillon::actors;

namespace {

/// Move-only, as promises are.
using promise = std::unique_ptr<int>;
using window = credit_window<std::string, promise>;

bool offer(window& to, const std::string& message, int who, std::size_t bytes) {
  return to.offer(std::string{message}, std::make_unique<int>(who), bytes);
}

/// What may be sent now.
std::string sent(window& from, std::vector<std::uint64_t>* tickets = nullptr) {
  std::string out;
  while (auto one = from.next()) {
    out += one->message;
    if (tickets != nullptr)
      tickets->push_back(one->ticket);
  }
  return out;
}

} // namespace

CAF_TEST(only so many messages are under way and the rest wait in order) {
  window w{{2, 100, 10, 100}};
  for (const auto* message : {"a", "b", "c", "d"})
    CAF_CHECK(offer(w, message, 0, 1));
  std::vector<std::uint64_t> tickets;
  CAF_CHECK_EQUAL(sent(w, &tickets), "ab");
  CAF_CHECK_EQUAL(w.waiting(), 2u);
  CAF_CHECK(w.answered(tickets[1]).has_value());
  CAF_CHECK_EQUAL(sent(w), "c");
  CAF_CHECK_EQUAL(w.unanswered(), 2u);
}

CAF_TEST(only so many bytes are under way) {
  window w{{10, 100, 10, 1'000}};
  for (const auto* message : {"a", "b", "c"})
    CAF_CHECK(offer(w, message, 0, 50));
  std::vector<std::uint64_t> tickets;
  CAF_CHECK_EQUAL(sent(w, &tickets), "ab");
  CAF_CHECK_EQUAL(w.unanswered_bytes(), 100u);
  w.answered(tickets[0]);
  CAF_CHECK_EQUAL(sent(w), "c");
  CAF_CHECK_EQUAL(w.waiting_bytes(), 0u);
}

CAF_TEST(a message larger than the window goes alone) {
  window w{{10, 100, 10, 1'000}};
  offer(w, "a", 0, 10);
  offer(w, "B", 0, 500);
  offer(w, "c", 0, 10);
  std::vector<std::uint64_t> tickets;
  CAF_CHECK_EQUAL(sent(w, &tickets), "a");
  w.answered(tickets[0]);
  CAF_CHECK_EQUAL(sent(w, &tickets), "B");
  w.answered(tickets[1]);
  CAF_CHECK_EQUAL(sent(w), "c");
}

CAF_TEST(what would wait over the bounds is refused and stays with its owner) {
  window w{{1, 100, 2, 100}};
  offer(w, "a", 0, 1);
  sent(w);
  CAF_CHECK(offer(w, "b", 0, 40));
  CAF_CHECK(offer(w, "c", 0, 40));
  auto kept = std::make_unique<int>(7);
  std::string message{"d"};
  CAF_CHECK(!w.offer(std::move(message), std::move(kept), 1));
  CAF_REQUIRE(kept);
  CAF_CHECK_EQUAL(*kept, 7);
  CAF_CHECK_EQUAL(message, "d");
  window bytes{{1, 100, 10, 100}};
  CAF_CHECK(offer(bytes, "a", 0, 60));
  CAF_CHECK(!offer(bytes, "b", 0, 41));
  CAF_CHECK(offer(bytes, "c", 0, 40));
  CAF_CHECK(!offer(bytes, "d", 0, SIZE_MAX));
}

CAF_TEST(an answer counts once) {
  window w{{1, 100, 10, 100}};
  offer(w, "a", 1, 10);
  std::vector<std::uint64_t> tickets;
  sent(w, &tickets);
  const auto pending = w.answered(tickets[0]);
  CAF_REQUIRE(pending);
  CAF_CHECK_EQUAL(**pending, 1);
  CAF_CHECK(!w.answered(tickets[0]));
  CAF_CHECK(!w.answered(99));
  CAF_CHECK_EQUAL(w.unanswered(), 0u);
  CAF_CHECK_EQUAL(w.unanswered_bytes(), 0u);
}

CAF_TEST(a peer that is gone fails all in order and late answers find nothing) {
  window w{{2, 100, 10, 100}};
  for (int i = 0; i < 5; ++i)
    offer(w, "x", i, 10);
  std::vector<std::uint64_t> tickets;
  sent(w, &tickets);
  std::string order;
  for (const auto& one : w.clear())
    order += std::to_string(*one);
  CAF_CHECK_EQUAL(order, "01234");
  CAF_CHECK(!w.answered(tickets[0]));
  CAF_CHECK_EQUAL(w.unanswered() + w.waiting() + w.unanswered_bytes() + w.waiting_bytes(), 0u);
  // And it begins anew, with tickets that were never given.
  offer(w, "y", 9, 10);
  std::vector<std::uint64_t> later;
  CAF_CHECK_EQUAL(sent(w, &later), "y");
  CAF_CHECK_GREATER(later[0], tickets[1]);
}
