#include "domain/entity_names.hpp"

#include <algorithm>
#include <array>

namespace carillon::domain {

namespace {

constexpr std::array<std::string_view, entity_count> entity_texts{"Account",
                                                                  "Contact",
                                                                  "CustomEntity",
                                                                  "Project",
                                                                  "Opportunity",
                                                                  "Quote",
                                                                  "Lead",
                                                                  "Task",
                                                                  "Appointment",
                                                                  "Email",
                                                                  "Message",
                                                                  "Memo",
                                                                  "Note",
                                                                  "Product",
                                                                  "OpptyProductRelation",
                                                                  "ActivityRelation",
                                                                  "ContactAccountRelation",
                                                                  "LeadOpptyAccountRelation",
                                                                  "LeadOpptyContactRelation",
                                                                  "Currency",
                                                                  "CurrencyExchangeRate",
                                                                  "CurrencyExchangeRatesList",
                                                                  "ProductPriceList",
                                                                  "ProductPriceListPrice",
                                                                  "QuoteAccountRelation",
                                                                  "QuoteContactRelation",
                                                                  "Activity"};

constexpr std::array<std::string_view, action_count> action_texts{
    "Create", "Update", "Delete",  "DocumentLinked", "OwnerChanged", "Move",
    "Lost",   "Won",    "Qualify", "BackToLead",     "Comment"};

constexpr action_set bits(std::initializer_list<action> actions) {
  action_set result = 0;
  for (const auto a : actions)
    result = static_cast<action_set>(result | bit(a));
  return result;
}

constexpr action_set three = bits({action::Create, action::Update, action::Delete});
constexpr action_set four = three | bit(action::DocumentLinked);
constexpr action_set five = four | bit(action::OwnerChanged);

constexpr std::array<enum_value, 10> enum_values{{
    {entity::Opportunity, "status", 1, "Open"},
    {entity::Opportunity, "status", 2, "Lost"},
    {entity::Opportunity, "status", 3, "Won"},
    {entity::Lead, "status", 1, "Open"},
    {entity::Lead, "status", 2, "Lost"},
    {entity::Task, "status", 1, "NotStarted"},
    {entity::Task, "status", 2, "InProgress"},
    {entity::Task, "status", 3, "Waiting"},
    {entity::Task, "status", 4, "Completed"},
    {entity::Task, "status", 5, "Deferred"},
}};

} // namespace

std::string_view to_string(entity e) {
  return entity_texts[static_cast<std::size_t>(e)];
}

std::string_view to_string(action a) {
  return action_texts[static_cast<std::size_t>(a)];
}

std::optional<entity> parse_entity(std::string_view name) {
  const auto found = find_word(entity_texts, name);
  if (found == entity_texts.end())
    return std::nullopt;
  return static_cast<entity>(found - entity_texts.begin());
}

std::optional<action> parse_action(std::string_view name) {
  const auto found = find_word(action_texts, name);
  if (found == action_texts.end())
    return std::nullopt;
  return static_cast<action>(found - action_texts.begin());
}

action_set actions_for(entity e) {
  switch (e) {
  case entity::Account:
  case entity::Contact:
  case entity::CustomEntity:
  case entity::Project:
    return five;
  case entity::Opportunity:
    return five | bits({action::Move, action::Lost, action::Won, action::Qualify});
  case entity::Quote:
    return five | bits({action::Move, action::Lost, action::Won});
  case entity::Lead:
    return five | bits({action::Lost, action::BackToLead});
  case entity::Task:
  case entity::Appointment:
    return five | bit(action::Comment);
  case entity::Email:
  case entity::Message:
    return four;
  case entity::Memo:
    return four | bit(action::Comment);
  default:
    return three;
  }
}

bool has_action(entity e, action a) {
  return (actions_for(e) & bit(a)) != 0;
}

const enum_value* find_enum(entity e, std::string_view field, std::string_view name) {
  for (const auto& value : enum_values)
    if (value.of == e && value.field == field && value.name == name)
      return &value;
  return nullptr;
}

const enum_value* find_enum(entity e, std::string_view field, int number) {
  for (const auto& value : enum_values)
    if (value.of == e && value.field == field && value.number == number)
      return &value;
  return nullptr;
}

bool is_enum(entity e, std::string_view field) {
  return std::any_of(enum_values.begin(), enum_values.end(),
                     [&](const enum_value& value) { return value.of == e && value.field == field; });
}

} // namespace carillon::domain
