#pragma once

#include <sys/types.h>

#include <chrono>
#include <thread>

namespace carillon::bench {

/// CPU time (user and system, all threads, also those that ended) that a running process has used so far.
///
/// The same number that /proc/PID/stat shows in ticks of 10 ms, but in nanoseconds. Throws std::runtime_error
/// when there is no such process.
std::chrono::nanoseconds cpu_of_process(pid_t pid);

/// CPU time of one running thread of this process.
std::chrono::nanoseconds cpu_of_thread(std::thread& thread);

/// CPU time of the calling thread.
std::chrono::nanoseconds cpu_of_this_thread();

} // namespace carillon::bench
