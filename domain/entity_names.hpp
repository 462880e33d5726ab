#pragma once

#include "domain/event.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

/// The tables behind entities and actions: which go together, and the numbers of enum fields.
namespace carillon::domain {

/// Finds a word in a list of words: most are told apart by their length and first letter.
template <class Words>
constexpr auto find_word(const Words& words, std::string_view wanted) {
  return std::find_if(words.begin(), words.end(), [wanted](std::string_view word) {
    return word.size() == wanted.size() && !word.empty() && word.front() == wanted.front() && word == wanted;
  });
}

/// A set of actions: bit n is the action with the number n.
using action_set = std::uint16_t;

constexpr action_set bit(action a) {
  return static_cast<action_set>(1U << static_cast<unsigned>(a));
}

/// The actions that an entity knows.
action_set actions_for(entity e);

/// One value of an enum field, which records carry as a number and people write as a name.
struct enum_value {
  entity of;
  std::string_view field;
  int number;
  std::string_view name;
};

/// The value with that name or number; nullptr when the field has none or is no enum.
const enum_value* find_enum(entity e, std::string_view field, std::string_view name);
const enum_value* find_enum(entity e, std::string_view field, int number);
bool is_enum(entity e, std::string_view field);

} // namespace carillon::domain
