#include "bench/commands.hpp"
#include "bench/figures.hpp"
#include "bench/generator.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <stdexcept>

namespace carillon::bench {

int run_load_command(arguments& given) {
  load_settings load;
  load.ports = {static_cast<std::uint16_t>(given.number("port", 8080))};
  load.accounts = given.values("account");
  load.events_per_request = static_cast<std::size_t>(given.number("batch", 1));
  load.connections = static_cast<std::size_t>(given.number("connections", 32));
  load.events_per_second = given.flag("flat-out") ? 0 : given.number("rate", 100);
  load.first = static_cast<std::uint64_t>(given.number("first", 1));
  load.most_events = static_cast<std::uint64_t>(given.number("count", 1e7));
  load.duration = std::chrono::nanoseconds{static_cast<std::int64_t>(1e9 * given.number("seconds", 5))};
  given.finish();
  // Not an argument: those are seen by everyone on the machine.
  const char* token = std::getenv("CARILLON_BENCH_TOKEN");
  if (token == nullptr || load.accounts.empty())
    throw std::invalid_argument("needs CARILLON_BENCH_TOKEN (with the scope \"ingest\") and --account=NAME");
  load.token = token;

  ledger book;
  book.start(load.first);
  const std::atomic<bool> never{false};
  const auto done = run_load(load, book, never);
  auto spans = book.spans(ledger::moment::posted, ledger::moment::accepted, domain::boot_time::min(),
                          domain::boot_time::max());
  const auto seconds = std::chrono::duration<double>(done.elapsed).count();
  nlohmann::json out = {{"requests", done.requests},
                        {"posted", done.events},
                        {"accepted", done.accepted},
                        {"accepted_per_second", static_cast<double>(done.accepted) / seconds},
                        {"seconds", seconds},
                        {"late", done.late},
                        {"unanswered", done.broken},
                        {"refused", nlohmann::json::object()},
                        {"ms_p50", quantile(spans, 0.5) / 1e6},
                        {"ms_p99", quantile(spans, 0.99) / 1e6}};
  for (const auto& [status, count] : done.refused)
    out["refused"][std::to_string(status)] = count;
  fmt::print("{}\n", out.dump());
  if (!done.refusal.empty())
    fmt::print(stderr, "first refusal: {}\n", done.refusal);
  return done.refused.empty() && done.broken == 0 ? 0 : 1;
}

} // namespace carillon::bench
