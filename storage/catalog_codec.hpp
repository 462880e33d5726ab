#pragma once

#include "storage/catalog.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Values of the catalog's rows: framed JSON. Members that a version doesn't know are ignored, so that the
/// version before can read a store on its way up.
namespace carillon::storage {

std::string encode_account(const account_profile& profile);
/// Nothing when the value is damaged or of a newer format.
std::optional<account_profile> decode_account(std::string_view value);

std::string encode_credential(const credential& c);
/// Nothing when the value is damaged or of a newer format.
std::optional<credential> decode_credential(std::string_view value);

} // namespace carillon::storage
