#define CAF_SUITE log
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "config/logging.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <string>

using namespace carillon;
using config::log_format;
using config::log_level;

namespace {

/// The log goes here, and back to stderr with the test.
struct captured_log {
  explicit captured_log(log_format format, log_level level = log_level::info) {
    config::set_up_logging({format, level}, out);
  }
  ~captured_log() { config::set_up_logging({}); }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;

  std::ostringstream out;
};

} // namespace

CAF_TEST(json is one object a line with all fields) {
  const captured_log captured{log_format::json};
  const std::string directory = "/srv/\"x\"\n\xff";
  config::log(log_level::warning, "store opened",
              {{"directory", directory},
               {"bytes", std::uint64_t{18'446'744'073'709'551'615u}},
               {"delta", -3},
               {"share", 0.5},
               {"ready", true},
               {"kind", "lmdb"}});
  const auto text = captured.out.str();
  CAF_CHECK_EQUAL(std::count(text.begin(), text.end(), '\n'), 1);
  const auto entry = nlohmann::json::parse(text);
  CAF_CHECK_EQUAL(entry.at("level").get<std::string>(), "warning");
  CAF_CHECK_EQUAL(entry.at("msg").get<std::string>(), "store opened");
  CAF_CHECK_EQUAL(entry.at("directory").get<std::string>(), "/srv/\"x\"\n\xef\xbf\xbd");
  CAF_CHECK_EQUAL(entry.at("bytes").get<std::uint64_t>(), 18'446'744'073'709'551'615u);
  CAF_CHECK_EQUAL(entry.at("delta").get<int>(), -3);
  CAF_CHECK_EQUAL(entry.at("share").get<double>(), 0.5);
  CAF_CHECK_EQUAL(entry.at("ready").get<bool>(), true);
  CAF_CHECK_EQUAL(entry.at("kind").get<std::string>(), "lmdb");
  const auto ts = entry.at("ts").get<std::string>();
  CAF_CHECK_EQUAL(ts.size(), std::string{"2026-01-02T03:04:05.678Z"}.size());
  CAF_CHECK_EQUAL(ts.back(), 'Z');
}

CAF_TEST(text stays on one line and quotes what needs it) {
  const captured_log captured{log_format::text};
  config::log(log_level::info, "break\nhere",
              {{"plain", "a-b"}, {"blank", "a b"}, {"line", "a\nb"}, {"empty", ""}});
  const auto text = captured.out.str();
  CAF_CHECK_EQUAL(text.substr(24), " info    break here plain=a-b blank=\"a b\" line=\"a\\nb\" empty=\"\"\n");
}

CAF_TEST(percent and brace signs are nothing special) {
  const captured_log captured{log_format::json};
  config::log(log_level::info, "100% {} %v", {{"a", "{0} %l"}});
  const auto entry = nlohmann::json::parse(captured.out.str());
  CAF_CHECK_EQUAL(entry.at("msg").get<std::string>(), "100% {} %v");
  CAF_CHECK_EQUAL(entry.at("a").get<std::string>(), "{0} %l");
}

CAF_TEST(the level changes at run time) {
  const captured_log captured{log_format::text};
  config::log(log_level::debug, "first");
  CAF_CHECK(!config::log_enabled(log_level::debug));
  config::set_log_level(log_level::debug);
  CAF_CHECK(config::log_enabled(log_level::debug));
  config::log(log_level::debug, "second");
  config::set_log_level(log_level::error);
  config::log(log_level::warning, "third");
  const auto text = captured.out.str();
  CAF_CHECK_EQUAL(text.find("first"), std::string::npos);
  CAF_CHECK(text.find("second") != std::string::npos);
  CAF_CHECK_EQUAL(text.find("third"), std::string::npos);
}

CAF_TEST(without a terminal the automatic format is json) {
  const captured_log captured{log_format::automatic};
  config::log(log_level::info, "x");
  CAF_CHECK_EQUAL(captured.out.str().substr(0, 6), "{\"ts\":");
}
