#include "bench/raw_commit.hpp"

#include "bench/event_text.hpp"
#include "bench/process_cpu.hpp"
#include "storage/lmdb.hpp"

#include <fmt/format.h>

#include <string>

namespace carillon::bench {

namespace {

constexpr std::uint64_t map_size = std::uint64_t{16} << 30;
constexpr std::uint64_t accounts = 16;

} // namespace

raw_commit_result run_raw_commit(const std::filesystem::path& folder, std::size_t events_per_commit,
                                 std::chrono::nanoseconds duration) {
  using clock = std::chrono::steady_clock;
  std::filesystem::create_directories(folder);
  raw_commit_result result;
  {
    storage::environment_options options;
    options.path = folder.string();
    options.map_size = map_size;
    storage::environment env{options};
    std::string event;
    std::uint64_t number = 0;
    const auto cpu = cpu_of_this_thread();
    const auto start = clock::now();
    auto now = start;
    for (; now - start < duration; now = clock::now()) {
      storage::write_transaction txn{env};
      for (std::size_t i = 0; i < events_per_commit; ++i) {
        ++number;
        event.clear();
        append_event(event, number);
        // As a store of many accounts has it: rows of an account are neighbours, a commit touches all of
        // them.
        txn.put(fmt::format("{:04}{:012}", number % accounts, number), event);
      }
      txn.commit();
    }
    result.per_second = static_cast<double>(number) / std::chrono::duration<double>(now - start).count();
    result.cpu_per_event = (cpu_of_this_thread() - cpu) / static_cast<std::int64_t>(number);
  }
  std::filesystem::remove_all(folder);
  return result;
}

} // namespace carillon::bench
