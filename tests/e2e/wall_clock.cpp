// Preloaded into a node: its wall clock is so many seconds ahead (behind, when negative) as
// CARILLON_TEST_WALL_CLOCK says. Its other clocks are as they are.
#include <cstdlib>
#include <dlfcn.h>
#include <time.h>

namespace {

time_t seconds_ahead() {
  static const char* text = std::getenv("CARILLON_TEST_WALL_CLOCK");
  static const time_t ahead = text == nullptr ? 0 : std::atol(text);
  return ahead;
}

} // namespace

extern "C" int clock_gettime(clockid_t which, timespec* now) {
  static const auto system = reinterpret_cast<int (*)(clockid_t, timespec*)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = system(which, now);
  if (result == 0 && which == CLOCK_REALTIME)
    now->tv_sec += seconds_ahead();
  return result;
}

extern "C" time_t time(time_t* out) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr)
    *out = now.tv_sec;
  return now.tv_sec;
}
