#include "config/cpu_quota.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include <sched.h>

namespace carillon::config {

namespace {

namespace fs = std::filesystem;

/// Version 2: "max 100000" or "150000 100000", microseconds of CPU time a period.
std::optional<double> read_v2(const fs::path& group) {
  std::ifstream file{group / "cpu.max"};
  double quota = 0;
  double period = 0;
  if (file >> quota >> period && quota > 0 && period > 0)
    return quota / period;
  return std::nullopt;
}

/// Version 1: two files; a quota of -1 is none.
std::optional<double> read_v1(const fs::path& group) {
  std::ifstream quota_file{group / "cpu.cfs_quota_us"};
  std::ifstream period_file{group / "cpu.cfs_period_us"};
  double quota = 0;
  double period = 0;
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0)
    return quota / period;
  return std::nullopt;
}

template <class Read>
void narrow(std::optional<double>& least, const fs::path& mount, fs::path group, Read read) {
  // Inside a container the path may be the host's, which isn't below this mount: the mount itself counts
  // then.
  for (group = group.relative_path();; group = group.parent_path()) {
    if (const auto quota = read(mount / group))
      least = std::min(least.value_or(*quota), *quota);
    if (group.empty())
      return;
  }
}

bool names_controller(std::string_view list, std::string_view name) {
  for (;;) {
    const auto comma = list.find(',');
    if (list.substr(0, comma) == name)
      return true;
    if (comma == std::string_view::npos)
      return false;
    list.remove_prefix(comma + 1);
  }
}

std::uint32_t cores_of_this_process() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&allowed)));
  return std::max(1U, std::thread::hardware_concurrency());
}

} // namespace

std::optional<double> cpu_quota(const fs::path& root) {
  std::optional<double> least;
  std::ifstream groups{root / "proc/self/cgroup"};
  // Each line is "hierarchy:controllers:path"; version 2 is hierarchy 0 without controllers.
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos)
      continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const fs::path path = line.substr(second + 1);
    if (controllers.empty())
      narrow(least, root / "sys/fs/cgroup", path, read_v2);
    else if (names_controller(controllers, "cpu"))
      narrow(least, root / "sys/fs/cgroup/cpu", path, read_v1);
  }
  return least;
}

std::uint32_t usable_cores(const fs::path& root) {
  const auto cores = cores_of_this_process();
  const auto quota = cpu_quota(root);
  if (!quota || *quota >= cores)
    return cores;
  return std::max(1U, static_cast<std::uint32_t>(*quota));
}

} // namespace carillon::config
