#pragma once

#include "config/settings.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace carillon::config {

/// A value as a source gave it: one text, or the items of a list.
using raw_value = std::variant<std::string, std::vector<std::string>>;

/// One key of the configuration: its name, what it takes, and where its value lives in `settings`.
struct key {
  std::string name;    ///< "http.admin-listen"
  std::string allowed; ///< for people, follows "allowed: "
  /// A change takes effect on SIGHUP; otherwise it needs a restart.
  bool reloadable = false;
  /// Stores the value; false, with nothing changed, when the key doesn't take it.
  std::function<bool(settings&, const raw_value&)> set;
  /// The value in the configuration file's syntax; `set` takes it back.
  std::function<std::string(const settings&)> show;
};

/// All keys, section by section in the order of the documentation.
std::span<const key> all_keys();

/// Nothing (null) for a name that is no key.
const key* find_key(std::string_view name);

/// "http.admin-listen" → "CARILLON_HTTP_ADMIN_LISTEN".
std::string environment_name(std::string_view key_name);

/// In double quotes, with what must be escaped in the configuration file escaped.
std::string quote(std::string_view text);

} // namespace carillon::config
