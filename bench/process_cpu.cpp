#include "bench/process_cpu.hpp"

#include <pthread.h>
#include <time.h>

#include <stdexcept>
#include <string>

namespace carillon::bench {

namespace {

std::chrono::nanoseconds read(clockid_t clock, const char* whose) {
  timespec t{};
  if (::clock_gettime(clock, &t) != 0)
    throw std::runtime_error(std::string{"can't read the CPU time of "} + whose);
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

} // namespace

std::chrono::nanoseconds cpu_of_process(pid_t pid) {
  clockid_t clock{};
  if (::clock_getcpuclockid(pid, &clock) != 0)
    throw std::runtime_error("process " + std::to_string(pid) + " is gone: can't read its CPU time");
  return read(clock, "a process");
}

std::chrono::nanoseconds cpu_of_thread(std::thread& thread) {
  clockid_t clock{};
  if (::pthread_getcpuclockid(thread.native_handle(), &clock) != 0)
    throw std::runtime_error("can't read the CPU time of a thread that ended");
  return read(clock, "a thread");
}

std::chrono::nanoseconds cpu_of_this_thread() {
  return read(CLOCK_THREAD_CPUTIME_ID, "this thread");
}

} // namespace carillon::bench
