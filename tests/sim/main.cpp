// Runs seeds of the simulation of a replicated shard.
#include "simulated_cluster.hpp"

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace carillon::sim;

constexpr const char* usage = R"(replica_simulation [--seeds FIRST COUNT] [--bug NAME]
replica_simulation --seed N [--bug NAME] [--trace]

  --seeds FIRST COUNT  runs seeds FIRST, FIRST + 1, ...; stops at the first that breaks a promise and prints how
                       to replay it. CARILLON_TEST_LONG=1 runs fifty times as many.
  --seed N             runs one
  --trace              prints what happens
  --bug NAME           plants a bug: succeeds when it is found
)";

constexpr std::uint64_t long_run = 50;

struct options {
  std::uint64_t first = 1, count = 100;
  bool one = false, trace = false;
  planted_bug bug = planted_bug::none;
};

std::optional<options> read(int argc, char** argv) {
  options out;
  const std::vector<std::string> given(argv + 1, argv + argc);
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i] == "--seeds" && i + 2 < given.size()) {
      out.first = std::stoull(given[++i]);
      out.count = std::stoull(given[++i]);
    } else if (given[i] == "--seed" && i + 1 < given.size()) {
      out.first = std::stoull(given[++i]);
      out.count = 1;
      out.one = true;
    } else if (given[i] == "--trace") {
      out.trace = true;
    } else if (given[i] == "--bug" && i + 1 < given.size()) {
      ++i;
      for (int bug = 1; bug < planted_bugs; ++bug)
        if (given[i] == to_string(static_cast<planted_bug>(bug)))
          out.bug = static_cast<planted_bug>(bug);
      if (out.bug == planted_bug::none)
        return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

/// What an assertion of the product stops is found, too.
std::uint64_t running = 0;
bool planted = false;
const char* self = "";
void aborted(int) {
  std::printf("seed %llu: an assertion failed\n", static_cast<unsigned long long>(running));
  if (!planted)
    std::printf("replay it with: %s --seed %llu --trace\n", self, static_cast<unsigned long long>(running));
  std::fflush(stdout);
  std::_Exit(planted ? 0 : 1);
}

} // namespace

int main(int argc, char** argv) {
  const auto chosen = read(argc, argv);
  if (!chosen) {
    std::fputs(usage, stderr);
    return 2;
  }
  self = argv[0];
  planted = chosen->bug != planted_bug::none;
  std::signal(SIGABRT, aborted);
  auto count = chosen->count;
  if (const char* flag = std::getenv("CARILLON_TEST_LONG");
      flag != nullptr && std::string_view{flag} == "1" && !chosen->one && chosen->bug == planted_bug::none)
    count *= long_run;
  coverage seen;
  std::uint64_t events = 0, rows = 0, posts = 0, epochs = 0;
  for (auto seed = chosen->first; seed < chosen->first + count; ++seed) {
    running = seed;
    simulated_cluster cluster{seed, chosen->bug, chosen->trace};
    try {
      cluster.run();
    } catch (const violation& broken) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), broken.what.c_str());
      if (chosen->bug != planted_bug::none)
        return 0;
      std::printf("replay it with: %s --seed %llu --trace\n", argv[0], static_cast<unsigned long long>(seed));
      return 1;
    }
    seen.add(cluster.seen());
    events += cluster.events_run();
    rows += cluster.history().length();
    posts += cluster.history().posts();
    epochs += cluster.epochs();
  }
  std::printf("%llu seeds: %llu events, %llu rows committed, %llu notifications posted, %llu epochs\n",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(events),
              static_cast<unsigned long long>(rows), static_cast<unsigned long long>(posts),
              static_cast<unsigned long long>(epochs));
  if (planted)
    return 1;
  constexpr std::uint64_t many = 400;
  if (const char* never = seen.missing(); never != nullptr && count >= many) {
    std::printf("in none of these seeds was there a %s\n", never);
    return 1;
  }
  return 0;
}
