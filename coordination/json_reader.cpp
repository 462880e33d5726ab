#include "coordination/json_reader.hpp"

#include "domain/json_gate.hpp"

#include <algorithm>
#include <utility>

namespace carillon::coordination {

namespace {

/// etcd takes values up to 1.5 MB, which base64 makes a third longer.
constexpr std::size_t longest_string = std::size_t{4} << 20;

} // namespace

nlohmann::json parse_checked(std::string_view text) {
  domain::json_limits limits;
  limits.string_bytes = longest_string;
  if (const auto fault = domain::check_json(text, limits))
    throw json_mismatch(fault->pointer + ": " + fault->detail);
  auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded())
    throw json_mismatch("#: it is no JSON");
  return value;
}

object_reader::object_reader(const nlohmann::json& value, std::string pointer)
    : value_{value}, pointer_{std::move(pointer)} {
  if (!value_.is_object())
    throw json_mismatch(pointer_ + ": must be an object");
}

const nlohmann::json* object_reader::find(const char* name) const {
  const auto found = value_.find(name);
  return found == value_.end() ? nullptr : &*found;
}

const nlohmann::json& object_reader::need(const char* name) const {
  const auto* found = find(name);
  if (found == nullptr)
    throw json_mismatch(pointer_to(name) + ": is missing");
  return *found;
}

void object_reader::only(std::initializer_list<const char*> names) const {
  for (const auto& item : value_.items())
    if (std::ranges::none_of(names, [&](const char* name) { return item.key() == name; }))
      throw json_mismatch(pointer_ + "/" + item.key() + ": is not known");
}

std::string object_reader::need_text(const char* name) const {
  const auto& value = need(name);
  if (!value.is_string())
    throw json_mismatch(pointer_to(name) + ": must be a string");
  return value.get<std::string>();
}

std::uint64_t object_reader::need_count(const char* name) const {
  const auto& value = need(name);
  if (!value.is_number_unsigned())
    throw json_mismatch(pointer_to(name) + ": must be a whole number from 0");
  return value.get<std::uint64_t>();
}

const nlohmann::json& object_reader::need_array(const char* name) const {
  const auto& value = need(name);
  if (!value.is_array())
    throw json_mismatch(pointer_to(name) + ": must be an array");
  return value;
}

} // namespace carillon::coordination
