#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace carillon::config {

/// The CPU time that this process's control groups (version 2 or 1) allow, in cores: 1.5 for one and a half.
/// The least of its own group and those above it; nothing without a quota. `root` stands for "/" in tests.
std::optional<double> cpu_quota(const std::filesystem::path& root = "/");

/// min(cores this process may run on, quota rounded down), at least 1.
std::uint32_t usable_cores(const std::filesystem::path& root = "/");

} // namespace carillon::config
