#include "config/print.hpp"

#include "config/keys.hpp"

namespace carillon::config {

std::string print(const settings& value) {
  std::string out;
  std::string section;
  for (const auto& known : all_keys()) {
    const auto dot = known.name.find('.');
    const auto its_section = known.name.substr(0, dot);
    if (its_section != section) {
      out += (section.empty() ? "" : "}\n\n") + its_section + " {\n";
      section = its_section;
      if (section == "auth" && !value.auth.admin_token.empty())
        out += "  ; the administrator's token: ********\n";
    }
    out += "  " + known.name.substr(dot + 1) + " = " + known.show(value) + "\n";
  }
  return out + "}\n";
}

std::string describe_keys(const settings& defaults) {
  std::string out =
      "Settings come from flags, from the environment (--http.listen is CARILLON_HTTP_LISTEN) and from "
      "the\nfile that --config-file=FILE names, in this order of precedence:\n\n";
  for (const auto& known : all_keys())
    out += "  --" + known.name + "=" + known.show(defaults) + "\n      " + known.allowed + "\n";
  return out;
}

} // namespace carillon::config
