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
