#pragma once

#include "storage/backup.hpp"

#include <cstdint>
#include <span>
#include <string>

/// Stores from backups.
namespace carillon::storage {

/// By how much a restore raises every counter of the store (row kind `counter`): more numbers than a store
/// gives out between a backup and the loss, so that none is given twice. Copper's ids stay far below 2^53
/// with it.
inline constexpr std::uint64_t restore_counter_jump = 1'000'000;

/// Makes a new store in `directory` (made, or empty) from the backup of a node alone, or from those of a cluster's
/// nodes (`cluster_backup.hpp`), for a node alone: raises the generation and all counters, sets held. The
/// directory holds no startable store until everything is durable. Throws store_error.
backup_summary restore(std::span<const std::string> backups, const std::string& directory);

} // namespace carillon::storage
