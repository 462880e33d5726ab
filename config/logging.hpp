#pragma once

#include "config/settings.hpp"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <string_view>
#include <variant>

/// Carillon's log: one line an entry on stderr, as text for people or as a JSON object for machines.
///
/// What a field says is written as it is: tokens, key secrets and bodies never become fields.
namespace carillon::config {

/// The value of a field. Texts are not copied: they must outlive the call of `log`, as temporaries do.
class log_value {
public:
  log_value(bool value) : value_{value} {}
  log_value(std::signed_integral auto value) : value_{static_cast<std::int64_t>(value)} {}
  log_value(std::unsigned_integral auto value) : value_{static_cast<std::uint64_t>(value)} {}
  log_value(double value) : value_{value} {}
  log_value(const char* text) : value_{std::string_view{text}} {}
  log_value(const std::string& text) : value_{std::string_view{text}} {}
  log_value(std::string_view text) : value_{text} {}

  const auto& get() const { return value_; }

private:
  std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view> value_;
};

/// One named fact of an entry: {"account", id}. Names are lower case with underscores; not "ts", "level",
/// "msg".
struct log_field {
  std::string_view name;
  log_value value;
};

/// Chooses format and level; `log_format::automatic` is text when stderr is a terminal, else JSON. Before the
/// first call entries are as after one with the defaults. Call it before other threads log.
void set_up_logging(const log_settings& settings);

/// The same with another place to write to, which must stay alive until the next set-up; `automatic` is JSON.
void set_up_logging(const log_settings& settings, std::ostream& out);

/// Changes what is written from now on. Thread-safe.
void set_log_level(log_level least);

/// Whether entries of this level are written: for those whose fields are dear to compute. Thread-safe.
bool log_enabled(log_level level);

/// Writes one entry: `log(log_level::info, "store opened", {{"directory", dir}, {"bytes", n}})`. The message
/// is a fixed text, what varies goes into fields. Thread-safe, never throws, may block while stderr does.
void log(log_level level, std::string_view message, std::initializer_list<log_field> fields = {}) noexcept;

} // namespace carillon::config
