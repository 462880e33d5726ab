// The command `serve`.
#include "api/command_line.hpp"
#include "api/commands.hpp"
#include "api/server_program.hpp"
#include "config/logging.hpp"
#include "config/systemd_notify.hpp"

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>

#include <unistd.h>

namespace carillon::api {

namespace {

using config::log_level;

const command_line expected{"carillon serve [--key=value...]",
                            "Runs a node until SIGTERM. Prints \"listening on URL\" on stdout, a line per "
                            "listener, when it is ready;\n"
                            "logs go to stderr. SIGHUP reloads certificates, tokens, master keys, egress.*, "
                            "limits.* and log.level.\n",
                            {},
                            0};

/// The signals that the main thread waits for; blocked before the first thread starts, which inherits that.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

/// Nothing may be acknowledged any more, so nothing is tidied up either: the log's replay does that.
[[noreturn]] void end_at_once(const std::string& why) {
  config::log(log_level::error, "the store failed, the process ends", {{"error", why}});
  ::_exit(EXIT_FAILURE);
}

void reload(server_program& program, const std::vector<std::string>& arguments) {
  config::notify_reloading();
  try {
    config::load_request request;
    request.arguments = arguments;
    request.environment = config::process_environment();
    auto loaded = config::load(request);
    if (!loaded.ok()) {
      for (const auto& error : loaded.errors)
        config::log(log_level::error, "reload refused, the old settings stay", {{"error", error.message}});
    } else {
      program.reload(std::make_shared<const config::settings>(std::move(loaded.value)));
      config::log(log_level::info, "reloaded");
    }
  } catch (const std::exception& e) {
    config::log(log_level::error, "reload refused, the old settings stay", {{"error", e.what()}});
  }
  config::notify_ready("serving");
}

} // namespace

int serve(const std::vector<std::string>& arguments) {
  auto parsed = parse_command(expected, arguments);
  if (!parsed.settings)
    return parsed.code;
  const auto settings = std::make_shared<const config::settings>(std::move(parsed.settings->value));
  config::set_up_logging(settings->log);
  const auto signals = block_signals();
  try {
    server_program program{settings, read_master_keys(*settings), end_at_once};
    program.start();
    for (const auto& url : program.urls())
      std::cout << "listening on " << url << '\n';
    std::cout.flush();
    config::log(log_level::info, "ready",
                {{"version", CARILLON_VERSION}, {"store", settings->storage.directory}});
    config::notify_ready("serving");
    int signal = 0;
    while (sigwait(&signals, &signal) == 0 && signal == SIGHUP)
      reload(program, arguments);
    config::log(log_level::info, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    config::notify_stopping();
    if (!program.stop())
      config::log(log_level::warning, "stopped before everything in flight had ended");
    else
      config::log(log_level::info, "stopped");
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << "carillon: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}

} // namespace carillon::api
