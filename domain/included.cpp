#include "domain/included.hpp"

#include <string>

namespace carillon::domain {

std::string_view find_included(const member_index& included, std::string_view uri) {
  if (included.empty() || uri.empty())
    return {};
  if (const auto exact = included.find(uri); !exact.empty())
    return exact;
  const auto last = uri.rfind('/');
  if (last == std::string_view::npos || last == 0)
    return {};
  const auto before = uri.rfind('/', last - 1);
  const auto tail = before == std::string_view::npos ? uri : uri.substr(before + 1);
  if (const auto plural = included.find(tail); !plural.empty())
    return plural;
  const auto name = tail.substr(0, tail.find('/'));
  const auto id = tail.substr(name.size());
  std::string singular;
  if (name.ends_with("ies"))
    singular = std::string{name.substr(0, name.size() - 3)} + 'y';
  else if (name.ends_with('s'))
    singular = name.substr(0, name.size() - 1);
  else
    return {};
  return included.find(singular.append(id));
}

} // namespace carillon::domain
