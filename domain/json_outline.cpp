#include "domain/json_outline.hpp"

#include "domain/json_slices.hpp"

namespace carillon::domain {

bool json_part::is(std::string_view wanted) const {
  return escaped ? unescape_json(key) == wanted : key == wanted;
}

std::string json_part::name() const {
  return escaped ? unescape_json(key) : std::string{key};
}

} // namespace carillon::domain
