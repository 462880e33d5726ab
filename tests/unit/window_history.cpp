#define CAF_SUITE window_history
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "account/window_history.hpp"
#include "account_fixture.hpp"
#include "storage/keys.hpp"

#include <algorithm>
#include <optional>
#include <random>

using namespace account_test;
using account::window_history;
using domain::rate_limit;

namespace {

constexpr domain::shard_id shard{0};
constexpr domain::account_id number{64};

/// Windows and how they are stored, over a table that is a map, with restarts. Beside them windows that are
/// never stored: what both say must be the same.
struct life {
  explicit life(std::vector<domain::limit_window> windows) : limits{std::move(windows)} {}

  void settle(std::chrono::nanoseconds ago = 0ns) {
    for (auto* r : {&rate, &never_stored}) {
      r->take(1);
      r->settle(now.boot - ago);
    }
  }
  void pass(std::chrono::milliseconds t) {
    now.boot += t;
    now.wall += t;
  }
  /// Returns how many bytes it wrote.
  std::size_t checkpoint() {
    std::vector<domain::table_write> writes;
    history->save(rate, now.boot, writes);
    std::string content;
    domain::byte_writer w{content};
    history->encode(rate, w);
    std::size_t bytes = content.size();
    for (auto& write : writes) {
      bytes += write.value.size();
      if (write.erase)
        source.tables.erase(write.key);
      else
        CAF_CHECK(source.tables.emplace(write.key, write.value).second); // a piece is never written again
    }
    snapshot = std::move(content);
    saved = now;
    return bytes;
  }
  /// False when what is stored can't be read.
  bool restart() {
    rate = rate_limit{limits};
    history.emplace(source, shard, number);
    domain::byte_reader in{snapshot};
    return history->decode(in, saved, now, rate) && in.ok() && in.at_end();
  }
  void reboot(std::chrono::nanoseconds clock) {
    const auto shift = domain::boot_time{clock} - now.boot;
    now.boot += shift;
    ++now.boot_id[0];
    // The others go on in the new boot's time, as if nothing had been.
    rate_limit moved{limits};
    for (const auto& b : never_stored.history())
      moved.remember(domain::boot_time{std::chrono::milliseconds{b.at_ms}} + shift, b.count,
                     rate_limit::keeping::unsaved);
    never_stored = std::move(moved);
  }
  bool same() {
    rate.advance(now.boot);
    never_stored.advance(now.boot);
    const auto& a = rate.history();
    const auto& b = never_stored.history();
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
      return x.at_ms == y.at_ms && x.count == y.count;
    });
  }
  std::size_t pieces() const { return source.tables.size(); }

  std::vector<domain::limit_window> limits;
  memory_source source;
  rate_limit rate{limits}, never_stored{limits};
  std::optional<window_history> history{std::in_place, source, shard, number};
  domain::time_stamp now{1, {}, domain::boot_time{100'000s}, domain::wall_time{1'700'000'000'000ms}}, saved = now;
  std::string snapshot = std::string(4, '\0');
};

const std::vector<domain::limit_window> raised{{1'000'000, 60s}, {1'000'000, 600s}};

} // namespace

CAF_TEST(windows are the same after any restart) {
  std::mt19937 random{11};
  life l{{{1'000'000, 20s}, {1'000'000, 60s}}};
  for (int step = 0; step < 60'000; ++step) {
    l.pass(std::chrono::milliseconds{random() % 5});
    // Outcomes tell of first bytes of up to 15 s ago.
    l.settle(random() % 50 == 0 ? std::chrono::milliseconds{random() % 15'000} : 0ms);
    const auto what = random() % 1'000;
    if (what < 4)
      l.checkpoint();
    if (what < 2) {
      CAF_REQUIRE(l.restart());
      CAF_REQUIRE(l.same());
    }
  }
  CAF_CHECK(l.pieces() > 5);
}

CAF_TEST(windows are the same after reboots and what is stored is of one boot) {
  life l{raised};
  for (int boot = 0; boot < 3; ++boot) {
    for (int i = 0; i < 5'000; ++i) {
      l.pass(2ms);
      l.settle();
      if (i % 700 == 0)
        l.checkpoint();
    }
    l.checkpoint();
    l.pass(1s);
    l.reboot(std::chrono::seconds{5 + boot});
    CAF_REQUIRE(l.restart());
    CAF_REQUIRE(l.same());
    // Before the boot's first checkpoint, too.
    CAF_REQUIRE(l.restart());
    l.checkpoint();
    CAF_REQUIRE(l.restart());
    CAF_REQUIRE(l.same());
  }
}

CAF_TEST(a checkpoint writes what is new and not what the windows hold) {
  life l{raised};
  std::size_t largest = 0;
  for (int second = 0; second < 300; ++second) {
    for (int i = 0; i < 500; ++i) {
      l.pass(2ms);
      l.settle();
    }
    largest = std::max(largest, l.checkpoint());
  }
  CAF_CHECK_EQUAL(l.rate.history().size(), 150'000u);
  CAF_CHECK(largest < 10'000);
}

CAF_TEST(pieces that no window holds are erased a few at a time) {
  life l{raised};
  for (int i = 0; i < 200; ++i) {
    for (std::size_t k = 0; k < window_history::piece_size; ++k) {
      l.pass(1ms);
      l.settle();
    }
    l.checkpoint();
  }
  CAF_CHECK_EQUAL(l.pieces(), 200u);
  l.pass(601s);
  l.settle();
  l.checkpoint();
  CAF_CHECK_EQUAL(l.pieces(), 200u - window_history::erases_per_checkpoint);
  CAF_REQUIRE(l.restart()); // what is past need not be there
  CAF_CHECK(l.same());
  for (int i = 0; i < 4; ++i)
    l.checkpoint();
  CAF_CHECK_EQUAL(l.pieces(), 0u);
  CAF_REQUIRE(l.restart());
  CAF_CHECK(l.same());
}

CAF_TEST(a piece that is missing or damaged is not taken for free places) {
  life l{raised};
  for (int i = 0; i < 3'000; ++i) {
    l.pass(1ms);
    l.settle();
  }
  l.checkpoint();
  CAF_REQUIRE_EQUAL(l.pieces(), 2u);
  CAF_REQUIRE(l.restart());
  const auto tables = l.source.tables;
  for (const auto& [key, value] : tables) {
    l.source.tables.erase(key);
    CAF_CHECK(!l.restart());
    for (std::size_t at = 0; at < value.size(); at += 97) {
      auto damaged = value;
      damaged[at] = static_cast<char>(damaged[at] ^ 4);
      l.source.tables[key] = damaged;
      CAF_CHECK(!l.restart());
      l.source.tables[key] = value.substr(0, at);
      CAF_CHECK(!l.restart());
    }
    l.source.tables = tables;
  }
  CAF_CHECK(l.restart());
}

CAF_TEST(an account whose stored windows are damaged is not loaded) {
  world w;
  w.limits.windows = {{1'000'000, 600s}};
  w.start();
  w.subscribe();
  for (int i = 0; i < 1'100; ++i) {
    w.change(i);
    w.answer();
    w.pass(1ms);
  }
  w.checkpoint();
  const auto key = storage::key(shard, storage::row_kind::window, raw(number), 0);
  CAF_REQUIRE_EQUAL(w.source.tables.count(key), 1u);
  w.start();
  CAF_CHECK_EQUAL(w.a->usage({w.boot, w.wall}).windows.at(0).used, 1'100u);
  w.source.tables.erase(key);
  try {
    w.start();
    CAF_ERROR("loaded without its windows' history");
  } catch (const std::runtime_error& e) {
    CAF_CHECK(std::string{e.what()}.find("rate limits") != std::string::npos);
  }
}
