#include "bench/event_text.hpp"

#include <fmt/format.h>

#include <iterator>

namespace carillon::bench {

namespace {

void append_changes(std::string& out, std::uint64_t number) {
  fmt::format_to(std::back_inserter(out),
                 R"({{"name":["Ada Lovelace","Ada King, {0}"],)"
                 R"("title":["Analyst","Countess of Lovelace"],)"
                 R"("email":["ada@example.com","ada.{0}@example.org"],)"
                 R"("phone":["+1 415 555 0100","+1 415 555 0199"],)"
                 R"("custom_fields":{{"100764":[17,{0}]}}}})",
                 number);
}

} // namespace

void append_event(std::string& out, std::uint64_t number) {
  fmt::format_to(std::back_inserter(out),
                 R"({{"id":"bench-{0}","entity":"Contact","action":"Update","record_id":{0},"changes":)",
                 number);
  append_changes(out, number);
  out += '}';
}

void append_record_event(std::string& out, std::uint64_t number) {
  constexpr int texts = 40, numbers = 18;
  const auto into = std::back_inserter(out);
  fmt::format_to(into,
                 R"({{"id":"bench-{0}","entity":"Account","action":"Update","record_id":"{0}","record":{{)"
                 R"("id":"{0}","name":"Analytical Engines {0}","status":1,"created":"2024-03-05T10:00:00Z",)"
                 R"("owner":"https://crm.example.com/entities/Clients/7","owner_id":"7")",
                 number);
  for (int i = 0; i < texts; ++i)
    fmt::format_to(into, R"(,"cf_text{}":"what somebody typed into the field of the number {}, about {}")", i,
                   i, number);
  for (int i = 0; i < numbers; ++i)
    fmt::format_to(into, R"(,"cf_value{}":{{"base_value":{}.25,"currency_id":"EUR"}})", i,
                   number % 1000 + static_cast<std::uint64_t>(i));
  fmt::format_to(into,
                 R"(}},"changes":{{"name":["Engines","Analytical Engines {}"]}},)"
                 R"("included":{{"Clients/7":{{"id":"7","name":"Ada Lovelace","city":"London"}}}}}})",
                 number);
}

std::string sample_notification() {
  constexpr std::uint64_t number = 12'345'678;
  std::string out = fmt::format(
      R"({{"subscription_id":395049,"event":"update","type":"person","ids":[{}],"updated_attributes":)",
      number);
  append_changes(out, number);
  out += R"(,"timestamp":"2024-10-14T16:15:54.893Z"})";
  return out;
}

} // namespace carillon::bench
