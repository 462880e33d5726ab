#include "config/sources.hpp"
#include "config/text_value.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/config_value.hpp>
#include <caf/message.hpp>
#include <caf/settings.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace carillon::config {

namespace {

// CAF 0.17's parser takes the end of the text for the end of whatever it is reading, so a file that breaks
// off in the middle of a section would count as one that lacks it. A section of our own at the end makes that
// an error.
constexpr const char* end_mark = "end-of-configuration";

std::string render(const caf::config_value& value) {
  if (const auto* text = caf::get_if<std::string>(&value))
    return *text;
  if (const auto* span = caf::get_if<caf::timespan>(&value)) {
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(*span);
    // Finer or negative ones are no value of any key; CAF's own text for them goes into the message.
    return whole == *span && whole.count() >= 0 ? format_duration(whole) : caf::to_string(value);
  }
  return caf::to_string(value);
}

void flatten(const caf::settings& tree, const std::string& path, const std::string& name,
             std::vector<found_value>& into) {
  for (const auto& [word, value] : tree) {
    const auto full = path.empty() ? word : path + "." + word;
    if (const auto* section = caf::get_if<caf::settings>(&value)) {
      flatten(*section, full, name, into);
    } else if (const auto* list = caf::get_if<caf::config_value::list>(&value)) {
      std::vector<std::string> items;
      for (const auto& item : *list)
        items.push_back(render(item));
      into.push_back({full, std::move(items), name});
    } else {
      into.push_back({full, render(value), name});
    }
  }
}

std::string syntax_error(const std::string& text, const std::string& name, const caf::error& problem) {
  std::int32_t line = 0;
  std::int32_t column = 0;
  const auto& context = problem.context();
  if (context.size() == 1 && context.match_element<caf::settings>(0)) {
    const auto& position = context.get_as<caf::settings>(0);
    line = caf::get_or(position, "line", line);
    column = caf::get_or(position, "column", column);
  }
  std::istringstream lines{text};
  std::string content;
  int number = 0;
  // What a line break interrupts is reported where the next line begins.
  if (column <= 1)
    --line;
  while (line-- > 0 && std::getline(lines, content))
    ++number;
  if (!lines)
    return name + " ends in the middle of a section or value";
  return name + ", line " + std::to_string(number) + ": can't read '" + content +
         "'. Write [section] or section { key = value }, comments after ';', text and units other than ns, "
         "us, ms, s, "
         "min, h in double quotes: \"30d\", \"64GiB\"";
}

} // namespace

std::vector<found_value> read_text(const std::string& text, const std::string& name,
                                   std::vector<setting_error>& errors) {
  std::istringstream source{text + "\n[" + end_mark + "]\nreached = true\n"};
  auto tree = caf::actor_system_config::parse_config(source);
  std::vector<found_value> values;
  if (!tree) {
    errors.push_back({"config-file", syntax_error(text, name, tree.error())});
    return values;
  }
  flatten(*tree, "", name, values);
  if (std::erase_if(values,
                    [](const found_value& v) { return v.key == std::string{end_mark} + ".reached"; }) == 0)
    errors.push_back({"config-file", name + " ends in the middle of a section or value"});
  return values;
}

std::vector<found_value> read_file(const std::string& path, std::vector<setting_error>& errors) {
  errno = 0;
  std::ifstream file{path, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file.is_open() || file.bad()) {
    errors.push_back({"config-file", "--config-file=" + path + ": can't read it: " + std::strerror(errno)});
    return {};
  }
  return read_text(text, path, errors);
}

} // namespace carillon::config
