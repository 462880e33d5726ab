// The program `carillon-bench`: a cheap HTTPS sink, an event generator, and the table that both are for.
#include "bench/commands.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view help = R"(usage: carillon-bench COMMAND [--key=value...]

table [ROW...]         measures, and prints the table; all rows that are not large by default
  --all                the large ones too
  --list               name the rows
  --quick              one short round: a look, not a result
  --rounds=3           the table shows the median over them
  --node=FILE          the node's program (build/release/carillon)
  --node-flag=FLAG     a flag for the node, as --node-flag=--process.threads=1; may come several times
  --folder=var/bench   where stores lie meanwhile: on a disk, for each commit is synced
  --json=FILE          also write the figures there
  --plot[=docs]        draw what was measured into that folder: latency-over-load.svg and
                       cost-over-subscriptions.svg; without ROWs, measures only what they show

sink                   an HTTPS receiver that answers 200 to everything; reads "stats", "reset" and "quit" on
                       stdin and answers with a line of JSON
  --port=PORT          on 127.0.0.1 (a free one)
  --ca-dir=var/bench   where its certificates are kept

load                   posts events to a node; the token comes from CARILLON_BENCH_TOKEN
  --account=NAME       may come several times: requests go to one after the other
  --port=8080          of the node, on 127.0.0.1
  --batch=1            events per request
  --connections=32
  --rate=100           events a second, or --flat-out
  --seconds=5          at most
  --count=10000000     events, at most
  --first=1            the first event's number: ids are "bench-" and the number
)";

} // namespace

int main(int argc, char** argv) {
  constexpr int not_understood = 2;
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || words.front() == "--help" || words.back() == "--help") {
    fmt::print("{}", help);
    return words.empty() ? not_understood : 0;
  }
  const auto command = words.front();
  words.erase(words.begin());
  carillon::bench::arguments given{std::move(words)};
  try {
    if (command == "table")
      return carillon::bench::run_table_command(given);
    if (command == "sink")
      return carillon::bench::run_sink_command(given);
    if (command == "load")
      return carillon::bench::run_load_command(given);
    fmt::print(stderr, "carillon-bench: unknown command \"{}\"; --help lists them\n", command);
    return not_understood;
  } catch (const std::invalid_argument& error) {
    fmt::print(stderr, "carillon-bench {}: {}\n", command, error.what());
    return not_understood;
  } catch (const std::exception& error) {
    fmt::print(stderr, "carillon-bench {}: {}\n", command, error.what());
    return 1;
  }
}
