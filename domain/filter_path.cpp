#include "domain/filter_path.hpp"

namespace carillon::domain {

std::vector<std::string> split_path(std::string_view dotted) {
  std::vector<std::string> result;
  for (;;) {
    const auto dot = dotted.find('.');
    result.emplace_back(dotted.substr(0, dot));
    if (dot == std::string_view::npos)
      return result;
    dotted.remove_prefix(dot + 1);
  }
}

std::string_view path_walker::follow(std::string_view uri, std::size_t next) {
  if (lookups_ == nullptr || lookups_->included().empty())
    return {};
  const auto record = find_included(lookups_->included(), string_value(uri));
  if (type_of(record) != json_type::object)
    return {};
  // Most paths follow one relation: that one is not worth remembering.
  if (std::exchange(followed_, true) && !visited_.emplace(record.data(), next).second)
    return {};
  return record;
}

} // namespace carillon::domain
