// The command `playground`.
#include "playground/playground.hpp"

#include "api/server_program.hpp"
#include "config/load.hpp"
#include "config/logging.hpp"
#include "config/print.hpp"
#include "playground/demo_account.hpp"
#include "playground/demo_console.hpp"
#include "playground/demo_feed.hpp"
#include "playground/demo_folder.hpp"
#include "playground/demo_story.hpp"
#include "playground/inbox.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include <unistd.h>

namespace carillon::playground {

namespace {

using config::log_level;

constexpr int failed = 1;
constexpr int not_understood = 2;

constexpr std::string_view usage = R"(usage: carillon playground [--once | --events=N] [--key=value...]

Runs a node on a store of its own (./var/playground), with a demo account, an HTTPS inbox, subscriptions
made through Copper's and Pipeliner's APIs and a stream of sample changes, and stays up until Ctrl-C. Each
arrival at the inbox is one line. A restart goes on with the same store, tokens and subscriptions; delete the
folder to begin anew.

  --once        ends with exit code 0 after the opening scenes
  --events=N    ends after the opening scenes and N further changes, one every two seconds

Everything else is as for "carillon serve", with other defaults: log.level warning, egress to this machine
allowed, secrets made and kept in the store's folder.

)";

/// What its own options ask for.
struct wishes {
  std::optional<std::uint64_t> changes; ///< after the scenes; nothing: without end
};

config::settings defaults_of_playground() {
  config::settings base;
  base.storage.directory = "./var/playground";
  base.egress.allow = {"127.0.0.1/32", "::1/128"};
  base.egress.ports = {};
  base.log.level = log_level::warning;
  base.log.format = config::log_format::text;
  return base;
}

/// The loaded settings, or the exit code.
std::optional<config::load_result> load(const std::vector<std::string>& arguments,
                                        const config::settings& base, int& code) {
  config::load_request request;
  request.arguments = arguments;
  request.environment = config::process_environment();
  request.own_options = {"--once", "--events"};
  request.base = base;
  auto loaded = config::load(request);
  if (!loaded.ok()) {
    std::cerr << loaded.report();
    code = failed;
    return std::nullopt;
  }
  if (!loaded.positional.empty()) {
    std::cerr << "carillon: \"" << loaded.positional.front()
              << "\" is not expected here; \"carillon playground --help\" says what is\n";
    code = not_understood;
    return std::nullopt;
  }
  if (!loaded.value.http.tls_certificate.empty()) {
    std::cerr << "carillon: the playground speaks plain HTTP to itself: leave http.tls-certificate unset\n";
    code = failed;
    return std::nullopt;
  }
  if (!loaded.value.cluster.name.empty()) {
    std::cerr << "carillon: the playground is a node alone: leave cluster.* unset\n";
    code = failed;
    return std::nullopt;
  }
  return loaded;
}

std::optional<wishes> read_options(const std::vector<std::string>& options) {
  wishes result;
  for (const auto& option : options) {
    constexpr std::string_view events = "--events=";
    if (option == "--once") {
      result.changes = 0;
      continue;
    }
    std::uint64_t count = 0;
    const auto* const last = option.data() + option.size();
    const auto* const first = option.starts_with(events) ? option.data() + events.size() : last;
    if (const auto [end, ec] = std::from_chars(first, last, count); ec != std::errc{} || end != last) {
      std::cerr << "carillon: " << option << " is not understood: write --once or --events=N\n";
      return std::nullopt;
    }
    result.changes = count;
  }
  return result;
}

/// The inbox at the address of the last start, so that subscriptions stay right; at a free one when another
/// program has it by now.
std::unique_ptr<inbox> open_inbox(const demo_folder& folder, demo_console& console) {
  inbox_settings wanted;
  wanted.ca_directory = folder.file("inbox");
  wanted.secrets = {folder.signing_secret()};
  wanted.signatures = {folder.pipeliner_signature()};
  wanted.on_arrival = [&console](const arrival& entry) { console.tell_arrival(entry); };
  constexpr std::string_view scheme = "https://";
  if (const auto former = folder.read("inbox-url"); former.starts_with(scheme)) {
    wanted.listen = former.substr(scheme.size());
    try {
      return std::make_unique<inbox>(wanted);
    } catch (const std::runtime_error&) {
      wanted.listen = inbox_settings{}.listen;
    }
  }
  return std::make_unique<inbox>(std::move(wanted));
}

/// Nothing may be acknowledged any more, so nothing is tidied up either: the log's replay does that.
[[noreturn]] void end_at_once(const std::string& why) {
  config::log(log_level::error, "the store failed, the process ends", {{"error", why}});
  ::_exit(EXIT_FAILURE);
}

/// A listener that can't be had is what a first start most likely meets.
std::string with_advice(std::string why, const config::settings& settings) {
  if (why.find("can't listen on") == std::string::npos)
    return why;
  return why +
         "\n  Another program has the address (or you may not use it). Choose one: carillon playground "
         "--http.listen=127.0.0.1:9090" +
         (settings.http.admin_listen.empty() ? "" : " and --http.admin-listen=127.0.0.1:9091") +
         "\n  or, from the repository, scripts/run --http.listen=127.0.0.1:9090";
}

/// The scenes and what follows, on a thread of their own. `ended` is called at the end, however it came.
class player {
public:
  player(const demo_access& access, demo_console& console, const std::string& commands, wishes what,
         std::function<void()> ended)
      : story_(access, console), feed_(access, console) {
    following_ = std::thread{[this] { feed_.follow(); }};
    playing_ = std::thread{[this, &console, commands, what, ended = std::move(ended)] {
      try {
        story_.play_scenes();
        console.say("\n" + commands);
        if (!what.changes)
          console.say("The CRM lives on: one change every two seconds. Ctrl-C ends it.\n");
        story_.live_on(what.changes);
      } catch (const demo_stopped&) {
        return;
      } catch (const std::exception& e) {
        failed_ = true;
        std::cerr << "carillon: " << e.what() << '\n';
      }
      ended();
    }};
  }

  ~player() {
    story_.stop();
    feed_.stop();
    playing_.join();
    following_.join();
  }

  player(const player&) = delete;
  player& operator=(const player&) = delete;

  bool failed() const { return failed_; }

private:
  demo_story story_;
  demo_feed feed_;
  std::atomic<bool> failed_{false};
  std::thread following_;
  std::thread playing_;
};

/// Waits for a signal, or for the end of what was asked for.
class ending {
public:
  ending() : signals_(context_, SIGINT, SIGTERM, SIGHUP) {
    std::signal(SIGPIPE, SIG_IGN);
    signals_.async_wait([this](auto, int) { context_.stop(); });
  }
  /// From any thread.
  void now() {
    boost::asio::post(context_, [this] { context_.stop(); });
  }
  void wait() { context_.run(); }

private:
  boost::asio::io_context context_{1};
  boost::asio::signal_set signals_;
};

std::string greeting(const demo_access& access, const demo_inbox& inbox, const demo_folder& folder) {
  return "Carillon " CARILLON_VERSION ", playground\n\n  node    " + access.url + "   (account \"" +
         std::string{demo_account_id} + "\", at most " + std::to_string(demo_limit_count) +
         " notifications in any " + std::to_string(demo_limit_seconds) + " s)\n  inbox   " + inbox.url +
         "   (HTTPS, signed by a small CA of its own: " + inbox.authority + ")\n  tokens  . " +
         folder.file("env").string();
}

int play(ending& end, const std::shared_ptr<const config::settings>& settings, const demo_folder& folder,
         demo_console& console, inbox& bin, wishes what) {
  api::server_program program{settings, api::read_master_keys(*settings), end_at_once};
  program.start();
  // With an admin listener, that one: it answers everything.
  const auto url = program.urls().back();
  const demo_inbox where{bin.url(), folder.read("inbox-url"),
                         std::filesystem::absolute(bin.authority()).lexically_normal().string()};
  demo_client client{url};
  const auto access = set_up_demo_account(client, folder, url, settings->auth.admin_token, where);
  folder.write("inbox-url", where.url);
  write_environment(folder, access, where);
  console.say(greeting(access, where, folder));
  bool broken = false;
  {
    const player playing{access, console, example_commands(folder, where), what, [&end] { end.now(); }};
    end.wait();
    broken = playing.failed();
  }
  console.say("\nstopping");
  if (!program.stop())
    config::log(log_level::warning, "stopped before everything in flight had ended");
  bin.stop();
  return broken ? EXIT_FAILURE : EXIT_SUCCESS;
}

} // namespace

int run(const std::vector<std::string>& arguments) {
  auto base = defaults_of_playground();
  for (const auto& argument : arguments)
    if (argument == "--help" || argument == "-h") {
      std::cout << usage << config::describe_keys(base);
      return EXIT_SUCCESS;
    }
  int code = EXIT_SUCCESS;
  // Twice: what is made for the second needs the folder that the first one tells.
  const auto first = load(arguments, base, code);
  if (!first)
    return code;
  const auto what = read_options(first->options);
  if (!what)
    return not_understood;
  ending end;
  std::shared_ptr<const config::settings> settings;
  try {
    const demo_folder folder{first->value.storage.directory};
    demo_console console;
    const auto bin = open_inbox(folder, console);
    if (first->value.auth.admin_token.empty())
      base.auth.admin_token_file = folder.admin_token().string();
    base.auth.master_key_file = folder.master_keys().string();
    base.egress.ca_file = bin->authority().string();
    const auto loaded = load(arguments, base, code);
    if (!loaded)
      return code;
    settings = std::make_shared<const config::settings>(loaded->value);
    config::set_up_logging(settings->log);
    return play(end, settings, folder, console, *bin, *what);
  } catch (const std::exception& e) {
    std::cerr << "carillon: " << (settings ? with_advice(e.what(), *settings) : e.what()) << '\n';
    return failed;
  }
}

} // namespace carillon::playground
