#include "config/fault_points.hpp"

#ifdef CARILLON_FAULT_POINTS

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace carillon::config {

namespace {
struct armed_fault {
  std::string name;
  std::atomic<int> left{1};

  armed_fault() {
    const char* text = std::getenv("CARILLON_TEST_FAULT");
    if (text == nullptr)
      return;
    name = text;
    if (const auto colon = name.find(':'); colon != std::string::npos) {
      left = std::atoi(name.c_str() + colon + 1);
      name.resize(colon);
    }
  }
};
} // namespace

void fault_point(std::string_view name) {
  static armed_fault armed;
  if (!armed.name.empty() && armed.name == name && armed.left.fetch_sub(1) == 1)
    kill(getpid(), SIGKILL);
}

} // namespace carillon::config

#endif
