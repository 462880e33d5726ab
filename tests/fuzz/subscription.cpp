#include "domain/dialects/copper.hpp"
#include "domain/json_gate.hpp"
#include "domain/native_subscription.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace carillon::domain;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const auto call : {copper_call::create, copper_call::update}) {
    subscription s;
    s.copper.type = "lead";
    s.copper.event = "new";
    const auto failure = apply_copper_request(text, call, {}, s);
    if (check_json(failure ? render_copper_error(failure->status, failure->message)
                           : render_copper_subscription(s)))
      std::abort();
  }
  parse_error error;
  if (const auto patch = parse_native_patch(text, error)) {
    subscription s;
    apply_native_patch(*patch, wall_time{}, s);
    if (check_json(render_native_subscription(s)))
      std::abort();
  }
  return 0;
}
