#include "config/load.hpp"

#include "config/consistency.hpp"
#include "config/cpu_quota.hpp"
#include "config/text_value.hpp"

#include <algorithm>
#include <set>

namespace carillon::config {

namespace {

std::string shown(const raw_value& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return quote(*text);
  std::string out;
  for (const auto& item : std::get<std::vector<std::string>>(value))
    out += (out.empty() ? "" : ", ") + quote(item);
  return "[" + out + "]";
}

/// Stores one source's values; returns the names of the keys that it set.
void apply(const std::vector<found_value>& values, load_result& result, std::set<std::string>& given) {
  for (const auto& found : values) {
    const auto* known = find_key(found.key);
    if (known == nullptr) {
      result.errors.push_back({found.key, "unknown key " + found.key + " in " + found.where});
    } else if (!known->set(result.value, found.value)) {
      result.errors.push_back({found.key, found.key + ": " + shown(found.value) + " (from " + found.where +
                                              ") is refused; allowed: " + known->allowed});
    } else {
      given.insert(found.key);
    }
  }
}

} // namespace

std::string load_result::report() const {
  std::string out;
  for (const auto& error : errors)
    out += "carillon: " + error.message + "\n";
  return out;
}

load_result load(const load_request& request) {
  load_result result;
  result.value = request.base;

  auto arguments = read_arguments(request.arguments, request.own_options);
  result.errors = std::move(arguments.errors);
  result.options = std::move(arguments.options);
  result.positional = std::move(arguments.positional);

  // From the weakest source to the strongest: each overwrites what the one before it stored.
  std::set<std::string> given;
  if (!arguments.config_file.empty())
    apply(read_file(arguments.config_file, result.errors), result, given);
  apply(read_environment(request.environment, result.errors), result, given);
  apply(arguments.values, result, given);

  if (!given.contains("process.threads"))
    result.value.process.threads = usable_cores();
  // A key that was refused still has another source's value: what follows from that would only confuse.
  if (result.errors.empty()) {
    read_admin_token(result.value, request.environment, result.errors);
    check_consistency(result.value, result.errors);
    check_files(result.value, result.errors);
  }
  return result;
}

std::vector<std::string> changes_that_need_restart(const settings& before, const settings& after) {
  std::vector<std::string> names;
  for (const auto& known : all_keys())
    if (!known.reloadable && known.show(before) != known.show(after))
      names.push_back(known.name);
  return names;
}

} // namespace carillon::config
