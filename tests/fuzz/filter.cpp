#include "domain/filter.hpp"
#include "domain/dialects/pipeliner_options.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

using namespace carillon::domain;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto e = parse_stored_event(
      R"({"entity":"Opportunity","action":"Update","record_id":1,"record":{"a":"Abc","n":1.5,"d":"2026-02-05",)"
      R"("l":[1,"x",null],"o":{"p":{"q":true}},"r":"https://h/Contacts/7","status":2},"included":{"Contact/7":{"c":"é"}}})");
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  filter_fault fault;
  if (const auto f = compile_filter(text, fault))
    f->failing(*e);
  if (const auto f = compile_pipeliner_filter(text, {}, fault))
    f->failing(*e);
  std::vector<option_fault> faults;
  compile_pipeliner_options(text, faults);
  return 0;
}
