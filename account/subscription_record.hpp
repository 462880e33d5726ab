#pragma once

#include "crypto/aead.hpp"
#include "domain/subscription.hpp"

#include <string>
#include <string_view>

namespace carillon::account {

/// The stored form of a subscription's revision: JSON, with secrets (signing keys, Copper's secret and
/// headers, Pipeliner's signature) sealed under the master key and bound to account and subscription.
std::string encode_subscription(const domain::subscription& s, domain::account_id account,
                                const crypto::key_ring& keys);

/// Throws std::runtime_error that names the subscription when it is damaged or its master key is missing.
domain::subscription decode_subscription(std::string_view value, domain::account_id account,
                                         const crypto::key_ring& keys);

} // namespace carillon::account
