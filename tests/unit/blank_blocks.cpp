#define CAF_SUITE blank_blocks
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "storage/blank_blocks.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

using namespace carillon::storage;

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// A file of which each piece can be held up.
struct fixture {
  using piece = std::pair<std::uint64_t, std::uint64_t>;

  blank_blocks::blanking blank() {
    return [this](std::uint64_t from, std::uint64_t to) {
      std::unique_lock lock{guard};
      begun.push_back({from, to});
      changed.notify_all();
      changed.wait(lock, [this] { return done.size() < allowed; });
      done.push_back({from, to});
      unsynced += to - from;
      changed.notify_all();
      return well;
    };
  }
  blank_blocks::syncing sync() {
    return [this] {
      const std::lock_guard lock{guard};
      most_unsynced = std::max(most_unsynced, std::exchange(unsynced, std::uint64_t{0}));
      ++syncs;
      changed.notify_all();
      return true;
    };
  }
  void allow(std::size_t pieces) {
    const std::lock_guard lock{guard};
    allowed = pieces;
    changed.notify_all();
  }
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock{guard};
    changed.wait(lock, condition);
  }
  bool blank_up_to(std::uint64_t end) const { return !done.empty() && done.back().second == end && unsynced == 0; }

  std::mutex guard;
  std::condition_variable changed;
  std::size_t allowed = 1000;
  bool well = true;
  std::vector<piece> begun, done;
  std::uint64_t unsynced = 0, most_unsynced = 0;
  int syncs = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(blank_blocks_tests, fixture)

CAF_TEST(blocks that were taken are blanked once but for those in use and near them) {
  blank_blocks blanks{blank(), sync()};
  blanks.use(0, mebibyte);
  for (auto end = 0 * mebibyte; end < 3 * mebibyte; end += mebibyte / 4)
    blanks.use(end, mebibyte);
  blanks.use(3 * mebibyte, 12 * mebibyte);
  wait([this] { return blank_up_to(12 * mebibyte); });
  for (auto end = 3 * mebibyte; end < 4 * mebibyte; end += mebibyte / 4)
    blanks.use(end, 12 * mebibyte);
  blanks.use(4 * mebibyte, 16 * mebibyte);
  wait([this] { return blank_up_to(16 * mebibyte); });
  auto at = 3 * mebibyte + blank_blocks::margin;
  for (const auto& [from, to] : done) {
    CAF_CHECK_EQUAL(from, at);
    at = to;
  }
  CAF_CHECK_EQUAL(at, 16 * mebibyte);
}

CAF_TEST(what large commits are about to fill is left alone) {
  blank_blocks blanks{blank(), sync()};
  blanks.use(0, 8 * mebibyte);
  wait([this] { return blank_up_to(8 * mebibyte); });
  blanks.use(2 * mebibyte, 8 * mebibyte);
  blanks.use(4 * mebibyte, 16 * mebibyte); // 4 MiB in two commits
  for (auto end = 4 * mebibyte; end < 6 * mebibyte; end += mebibyte / 8)
    blanks.use(end, 16 * mebibyte);
  blanks.use(6 * mebibyte, 24 * mebibyte); // 2 MiB in 17
  wait([this] { return blank_up_to(24 * mebibyte); });
  CAF_CHECK(std::none_of(done.begin(), done.end(), [](const piece& each) {
    return each.first >= 8 * mebibyte && each.first < 16 * mebibyte;
  }));
}

CAF_TEST(nothing is blanked behind who may use all that there is) {
  blank_blocks blanks{blank(), sync()};
  blanks.use(0, 16 * mebibyte);
  blanks.use(20 * mebibyte, 16 * mebibyte); // no more blocks were to be had
  const std::lock_guard lock{guard};
  CAF_CHECK_EQUAL(begun.size(), done.size());
}

CAF_TEST(what is blanked is synced before much has gathered and at the end) {
  blank_blocks blanks{blank(), sync()};
  blanks.use(0, 64 * mebibyte);
  wait([this] { return blank_up_to(64 * mebibyte); });
  CAF_CHECK_LESS_OR_EQUAL(most_unsynced, 4 * mebibyte);
  CAF_CHECK_LESS(syncs, 64);
}

CAF_TEST(who wants to write where a piece is under way waits for it) {
  // Whoever doesn't wait is caught in most of the rounds, not in each.
  for (int round = 0; round < 200; ++round) {
    allowed = 0;
    begun.clear();
    done.clear();
    blank_blocks blanks{blank(), sync()};
    constexpr auto taken = blank_blocks::margin + 2 * mebibyte, wanted = mebibyte;
    blanks.use(0, taken);
    wait([this] { return begun.size() == 1; });
    blanks.use(0, taken); // wants nothing more: doesn't wait
    bool asks = false, clear = false;
    std::thread writer{[&] {
      {
        const std::lock_guard lock{guard};
        asks = true;
        changed.notify_all();
      }
      blanks.use(wanted, taken);
      const std::lock_guard lock{guard};
      clear = begun.size() == done.size() || begun.back().first >= wanted + blank_blocks::margin;
    }};
    wait([&] { return asks; });
    allow(1000);
    writer.join();
    CAF_CHECK(clear);
  }
}

CAF_TEST(after a failure nothing is blanked and nobody waits) {
  well = false;
  blank_blocks blanks{blank(), sync()};
  blanks.use(0, 8 * mebibyte);
  wait([this] { return done.size() == 1; });
  blanks.use(4 * mebibyte, 32 * mebibyte);
  blanks.use(20 * mebibyte, 32 * mebibyte);
  CAF_CHECK_EQUAL(done.size(), 1u);
  CAF_CHECK_EQUAL(syncs, 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
