#include "playground/demo_changes.hpp"

#include <nlohmann/json.hpp>

namespace carillon::playground {

namespace {

using json = nlohmann::ordered_json;

const std::vector<std::string> first_names{"Ada",   "Bilal", "Chiara", "Dmitri", "Esra",   "Femi",
                                           "Greta", "Hiro",  "Ines",   "Jonas",  "Katrin", "Luis"};
const std::vector<std::string> last_names{"Almeida", "Berg",  "Castro", "Dietrich", "Eze",    "Fischer",
                                          "Gupta",   "Huber", "Ivanov", "Jensen",   "Kimura", "Lindqvist"};
const std::vector<std::string> companies{"Nordlicht Energie", "Bakery Huber",  "Delta Logistics",
                                         "Orchard Software",  "Kestrel Bikes", "Lumen Optics"};
const std::vector<std::string> stages{"Qualified", "Proposal sent", "Negotiation", "Contract out"};
const std::vector<std::string> tasks{"Call back about the offer", "Send the contract", "Prepare the demo",
                                     "Ask for references"};

/// Pipeliner's numbers for what became of an opportunity.
constexpr int status_open = 1;
constexpr int status_lost = 2;

std::string dump(const json& event) {
  return event.dump();
}

} // namespace

demo_changes::demo_changes(std::uint32_t seed, std::uint64_t first_record)
    : random_(seed), first_(first_record), next_(first_record) {}

std::uint64_t demo_changes::known_record() {
  return next_ == first_ ? next_record() : std::uniform_int_distribution{first_, next_ - 1}(random_);
}

const std::string& demo_changes::pick(const std::vector<std::string>& from) {
  return from[std::uniform_int_distribution<std::size_t>{0, from.size() - 1}(random_)];
}

std::string demo_changes::phone() {
  return "+43 1 " + std::to_string(std::uniform_int_distribution{1'000'000, 9'999'999}(random_));
}

std::string demo_changes::new_person() {
  const auto id = next_record();
  const auto first = pick(first_names);
  const auto last = pick(last_names);
  return dump({{"entity", "Contact"},
               {"action", "Create"},
               {"record_id", id},
               {"record", {{"id", id}, {"name", first + " " + last}, {"phone", phone()}}}});
}

std::string demo_changes::new_lead() {
  const auto id = next_record();
  return dump({{"entity", "Lead"},
               {"action", "Create"},
               {"record_id", id},
               {"record", {{"id", id}, {"name", pick(companies)}, {"source", "Website"}}}});
}

std::string demo_changes::deleted_lead() {
  return dump({{"entity", "Lead"}, {"action", "Delete"}, {"record_id", next_record()}});
}

std::string demo_changes::new_task() {
  const auto id = next_record();
  return dump({{"entity", "Task"},
               {"action", "Create"},
               {"record_id", id},
               {"record", {{"id", id}, {"name", pick(tasks)}}}});
}

std::string demo_changes::moved_deal() {
  const auto from = std::uniform_int_distribution<std::size_t>{0, stages.size() - 2}(random_);
  return dump(
      {{"entity", "Opportunity"},
       {"action", "Update"},
       {"record_id", next_record()},
       {"changes", {{"stage", {stages[from], stages[from + 1]}}, {"stage_id", {from + 1, from + 2}}}}});
}

std::string demo_changes::renamed_company() {
  const auto name = pick(companies);
  return dump({{"entity", "Account"},
               {"action", "Update"},
               {"record_id", next_record()},
               {"changes", {{"name", {name, name + " GmbH"}}}}});
}

std::string demo_changes::changed_phone() {
  const auto id = known_record();
  return dump({{"entity", "Contact"},
               {"action", "Update"},
               {"record_id", id},
               {"changes", {{"phone", {phone(), phone()}}}}});
}

std::string demo_changes::changed_task() {
  const auto id = next_record();
  const auto subject = pick(tasks);
  return dump({{"entity", "Task"},
               {"action", "Update"},
               {"record_id", id},
               {"record", {{"id", id}, {"subject", subject + ", today"}}},
               {"changes", {{"subject", {subject, subject + ", today"}}}}});
}

std::string demo_changes::new_deal(std::size_t amount) {
  return deal("Create", status_open, amount);
}

std::string demo_changes::lost_deal(std::size_t amount) {
  return deal("Lost", status_lost, amount);
}

std::string demo_changes::deal(std::string_view action, int status, std::size_t amount) {
  const auto id = next_record();
  return dump({{"entity", "Opportunity"},
               {"action", action},
               {"record_id", id},
               {"record", {{"id", id}, {"name", pick(companies)}, {"status", status}, {"amount", amount}}}});
}

std::string demo_changes::new_owner() {
  const auto id = next_record(), before = next_record(), owner = next_record();
  const auto first = pick(first_names);
  const auto last = pick(last_names);
  const auto client = "Clients/" + std::to_string(owner);
  return dump({{"entity", "Account"},
               {"action", "Update"},
               {"record_id", id},
               {"record",
                {{"id", id},
                 {"name", pick(companies)},
                 {"owner_id", owner},
                 {"owner", "https://crm.example/entities/" + client}}},
               {"changes", {{"owner_id", {before, owner}}}},
               {"included", {{client, {{"id", owner}, {"name", first + " " + last}}}}}});
}

std::string demo_changes::bulk_edit(std::size_t people) {
  return bulk(people, R"({"assignee_id":[137658,137659]})");
}

std::string demo_changes::newsletter(std::size_t people) {
  return bulk(people, R"({"cf_newsletter":[false,true]})");
}

std::string demo_changes::bulk(std::size_t people, const std::string& changes) {
  auto ids = json::array();
  for (std::size_t i = 0; i < people; ++i)
    ids.push_back(next_record());
  return dump({{"entity", "Contact"},
               {"action", "Update"},
               {"record_ids", std::move(ids)},
               {"changes", json::parse(changes)}});
}

std::string demo_changes::burst(std::size_t count) {
  std::string events = "[";
  for (std::size_t i = 0; i < count; ++i)
    events += (i == 0 ? "" : ",") + changed_phone();
  return events + "]";
}

std::string demo_changes::any() {
  switch (std::uniform_int_distribution{0, 9}(random_)) {
  case 0:
  case 1:
    return new_person();
  case 2:
  case 3:
    return moved_deal();
  case 4:
    return renamed_company();
  case 5:
    return new_task();
  case 6:
    return new_lead();
  case 7:
    return new_deal(std::uniform_int_distribution<std::size_t>{10, 90}(random_)*1'000);
  default:
    return changed_phone();
  }
}

} // namespace carillon::playground
