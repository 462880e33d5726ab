#include "playground/inbox.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string_view>

namespace {

using carillon::playground::arrival;
using carillon::playground::inbox;
using carillon::playground::inbox_settings;
using carillon::playground::signature_state;

constexpr std::string_view help = R"(carillon-inbox: an HTTPS request bin that shows the webhooks it gets

  carillon-inbox [--listen=127.0.0.1:0] [--ca-dir=DIR] [--ledger=FILE] [--secret=whsec_...]
                 [--signature=TEXT] [--quiet]

  --listen=ADDRESS:PORT  where to listen; port 0 picks a free one (default 127.0.0.1:0)
  --ca-dir=DIR           folder of the certificates, made when missing (default ./var/inbox); Carillon trusts
                         the inbox with --egress.ca-file=DIR/ca.pem --egress.allow=127.0.0.0/8 --egress.ports=
  --ledger=FILE          append one JSON line for each arrival
  --secret=whsec_...     check signatures; may be given several times
  --signature=TEXT       check those of Pipeliner's dialect: TEXT is a subscription's "signature"; likewise
  --quiet                print no arrivals

The first line on stdout is "inbox listening on https://127.0.0.1:PORT", the second names the CA's file, then
comes one line for each arrival.

Any POST is taken; the path chooses the answer:
  /ok/...                        200
  /status/503/...                that status; with ?retry_after=5 also a Retry-After
  /slow/1500/...                 200 after so many milliseconds
  /drop/...                      closes the connection without an answer
  /gone/...                      410
  /redirect/...                  302, to ?to=URL
  anything else                  200

GET /              the latest arrivals as JSON, newest first (?limit=100)
GET /inbox/NAME    those whose path has /NAME in it
)";

std::optional<std::string_view> value_of(std::string_view argument, std::string_view option) {
  if (!argument.starts_with(option))
    return std::nullopt;
  return argument.substr(option.size());
}

void print(const arrival& entry) {
  const auto id = entry.field("webhook-id");
  const char* signature = entry.signature == signature_state::valid     ? ", signature valid"
                          : entry.signature == signature_state::invalid ? ", signature INVALID"
                                                                        : "";
  const auto answer = entry.status == 0 ? std::string{"dropped"} : std::to_string(entry.status);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(entry.received_at);
  fmt::print("{:%H:%M:%S}.{:03} #{} {} {} {} bytes -> {}{}\n",
             fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
             (entry.received_at - seconds).count(), entry.number, entry.path, id.empty() ? "-" : id,
             entry.body.size(), answer, signature);
  std::fflush(stdout);
}

/// The settings that the arguments ask for; nothing when one isn't understood, which stderr then says.
std::optional<inbox_settings> parse(int argc, char** argv) {
  inbox_settings settings;
  settings.ca_directory = "var/inbox";
  settings.on_arrival = print;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument{argv[i]};
    if (const auto listen = value_of(argument, "--listen="))
      settings.listen = *listen;
    else if (const auto directory = value_of(argument, "--ca-dir="))
      settings.ca_directory = *directory;
    else if (const auto ledger = value_of(argument, "--ledger="))
      settings.ledger = *ledger;
    else if (const auto secret = value_of(argument, "--secret="))
      settings.secrets.emplace_back(*secret);
    else if (const auto signature = value_of(argument, "--signature="))
      settings.signatures.emplace_back(*signature);
    else if (argument == "--quiet")
      settings.on_arrival = nullptr;
    else {
      fmt::print(stderr, "carillon-inbox: unknown argument \"{}\"; --help lists them\n", argument);
      return std::nullopt;
    }
  }
  return settings;
}

} // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view{argv[i]} == "--help") {
      fmt::print("{}", help);
      return 0;
    }
  auto settings = parse(argc, argv);
  if (!settings)
    return 2;
  // Blocked before any thread is made, so that only sigwait below sees them.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  try {
    inbox bin{std::move(*settings)};
    fmt::print("inbox listening on {}\ncertificate authority: {}\n", bin.url(),
               std::filesystem::absolute(bin.authority()).lexically_normal().string());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&ends, &signal);
    bin.stop();
  } catch (const std::exception& error) {
    fmt::print(stderr, "carillon-inbox: {}\n", error.what());
    return 1;
  }
  return 0;
}
