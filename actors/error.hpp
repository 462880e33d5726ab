#pragma once

#include "actors/caf_compat.hpp"

#include <caf/error.hpp>
#include <caf/message.hpp>

#include <cstdint>
#include <string>

namespace carillon::actors {

/// What can go wrong between actors.
enum class ec : std::uint8_t {
  none = 0,
  no_such_account, ///< nothing is known of that number
  not_loaded,      ///< what is stored of the account can't be read; the log says why
  not_served,      ///< another node of the cluster serves the account, or none does at the moment
  store_refused,   ///< the store took nothing; the context says why
};

std::string to_string(ec code);

} // namespace carillon::actors

CAF_ERROR_CODE_ENUM(carillon::actors::ec, "carillon")
