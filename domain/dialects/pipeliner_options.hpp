#pragma once

#include "domain/entity_names.hpp"
#include "domain/filter.hpp"
#include "domain/projection.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::domain {

inline constexpr std::uint32_t max_chunk_size = 100;    ///< Pipeliner: default and maximum of `chunk_size`
inline constexpr std::uint32_t max_chunk_delay = 3'600; ///< seconds between the chunks of one request
inline constexpr std::size_t max_option_paths = 200;    ///< of one list in the options
inline constexpr std::size_t max_option_path = 256;     ///< bytes

/// The options under `entity.<Name>`.
struct pipeliner_entity_options {
  std::string name; ///< the entity, or a custom entity's API name
  std::optional<filter> condition;
  std::vector<std::string> on_field_change; ///< empty: any
  projection shape;
};

/// A Pipeliner webhook's `options`, compiled.
struct pipeliner_options {
  std::vector<pipeliner_entity_options> entities; ///< by name
  projection related;
  std::vector<std::string> skip_keys;
  std::vector<std::string> custom_entities; ///< API names, sorted; empty: all
  std::uint32_t chunk_size = max_chunk_size;
  std::uint32_t chunk_delay = 0; ///< seconds

  /// The options for the event's entity; nullptr when there are none.
  const pipeliner_entity_options* for_event(const event& e) const;
};

/// One option that is refused: its dotted path below `options` ("entity.Account.filter.name") and a sentence.
struct option_fault {
  std::string path;
  std::string detail;
};

/// Compiles an `options` object. On failure the result is empty and `faults` names each option.
std::optional<pipeliner_options> compile_pipeliner_options(std::string_view json,
                                                           std::vector<option_fault>& faults);

/// The actions wanted per entity.
using wanted_actions = std::array<action_set, entity_count>;

/// Adds what an event name means ("*", "X.*", "X.Action"); false for any other name, and for `Activity`,
/// which only Copper knows.
bool add_pipeliner_event(std::string_view name, wanted_actions& wanted);

} // namespace carillon::domain
