#include "bench/commands.hpp"
#include "bench/sink.hpp"

#include "playground/test_ca.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <iostream>

namespace carillon::bench {

int run_sink_command(arguments& given) {
  const auto port = static_cast<std::uint16_t>(given.number("port", 0));
  const auto folder = given.value("ca-dir").value_or("var/bench");
  given.finish();
  const auto files = playground::make_test_ca(folder);
  // Numbers are whatever comes, so events are told apart by their webhook-ids alone.
  ledger book;
  sink receiver{{files.certificate, files.key, port, nullptr, false, true}, book};
  fmt::print("sink listening on {}\ncertificate authority: {}\n", receiver.url(), files.authority.string());
  std::fflush(stdout);
  sink::counters start;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    if (line == "reset") {
      start = receiver.stats();
      book.start(0);
      fmt::print("{{}}\n");
    } else if (line == "stats") {
      const auto now = receiver.stats();
      const nlohmann::json out = {{"requests", now.requests - start.requests},
                                  {"connections", now.connections - start.connections},
                                  {"handshakes", now.handshakes - start.handshakes},
                                  {"resumed", now.resumed - start.resumed},
                                  {"faults", now.faults - start.faults},
                                  {"webhooks", book.post_count()},
                                  {"doubled_webhooks", book.judge().doubled_posts},
                                  {"cpu_seconds", std::chrono::duration<double>(receiver.cpu()).count()}};
      fmt::print("{}\n", out.dump());
    } else {
      fmt::print(stderr, "commands are stats, reset and quit\n");
    }
    std::fflush(stdout);
  }
  return 0;
}

} // namespace carillon::bench
