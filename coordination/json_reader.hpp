#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

/// Reading JSON that another program wrote, by type and member: what isn't as it must be throws.
namespace carillon::coordination {

/// What is wrong with a value, with a JSON pointer to it: "#/members/0/role: …".
class json_mismatch : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// The text as a value, behind `domain::check_json`: one value, good UTF-8, no key twice, bounded depth and
/// count. Throws json_mismatch.
nlohmann::json parse_checked(std::string_view text);

/// One object's members. A member of another type throws json_mismatch; of one that is not there the caller
/// says what it means.
class object_reader {
public:
  /// `value` outlives the reader. Throws json_mismatch when it is no object.
  object_reader(const nlohmann::json& value, std::string pointer);

  /// Null when there is none.
  const nlohmann::json* find(const char* name) const;
  const nlohmann::json& need(const char* name) const;
  std::string pointer_to(const char* name) const { return pointer_ + "/" + name; }

  /// Throws when there is a member of another name.
  void only(std::initializer_list<const char*> names) const;

  std::string need_text(const char* name) const;
  std::uint64_t need_count(const char* name) const; ///< a whole number from 0
  const nlohmann::json& need_array(const char* name) const;

private:
  const nlohmann::json& value_;
  std::string pointer_;
};

} // namespace carillon::coordination
