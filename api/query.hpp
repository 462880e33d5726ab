#pragma once

#include "net/http_message.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Query parameters, and pages of lists.
namespace carillon::api {

inline constexpr std::uint32_t default_limit = 100;
inline constexpr std::uint32_t most_limit = 500;

/// Throws `refusal` 400 naming a parameter that is not among these.
void allow_parameters(const net::http_request& request, std::initializer_list<std::string_view> names);

/// A whole number, or `otherwise` when the parameter is missing. Throws `refusal` 400 outside of the bounds.
std::uint32_t number_parameter(const net::http_request& request, std::string_view name, std::uint32_t least,
                               std::uint32_t most, std::uint32_t otherwise);

/// How many entries a page has.
inline std::uint32_t page_limit(const net::http_request& request) {
  return number_parameter(request, "limit", 1, most_limit, default_limit);
}

/// The position that the cursor `after` names in a list; nothing without one. Throws `refusal` 400 for a
/// cursor that isn't this list's.
std::optional<std::string> page_start(const net::http_request& request, std::string_view list);

/// All values of a parameter, whether repeated or separated by commas.
std::vector<std::string> list_parameter(const net::http_request& request, std::string_view name);

/// Writes {"data":[…],"next":…}.
class page_writer {
public:
  page_writer();
  /// The next entry's JSON is to be appended to what this returns.
  std::string& entry();
  /// The page as a whole; an empty cursor means there is no next.
  std::string finish(std::string_view next);

private:
  std::string out_;
  bool first_ = true;
};

} // namespace carillon::api
