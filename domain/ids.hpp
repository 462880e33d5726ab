#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

/// The numbers by which Carillon knows things inside. What they look like outside is decided in `domain/public_id.hpp`.
namespace carillon::domain {

/// One tenant: counter × shards + shard, never reused in a store.
enum class account_id : std::uint64_t {};
/// One subscription of any dialect: counter × shards + shard; it is Copper's integer id.
enum class subscription_id : std::uint64_t {};
/// One notification: counts up per account from 1, in order of acceptance.
enum class notification_number : std::uint64_t {};
/// A fixed slice of the accounts.
enum class shard_id : std::uint16_t {};

/// The shard that holds accounts' profiles, keys and tokens instead of accounts.
inline constexpr shard_id system_shard{0xFFFF};

template <class Id>
  requires std::is_enum_v<Id>
constexpr std::underlying_type_t<Id> raw(Id id) {
  return static_cast<std::underlying_type_t<Id>>(id);
}

} // namespace carillon::domain
