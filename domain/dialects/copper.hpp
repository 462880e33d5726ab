#pragma once

#include "domain/subscription.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The pure part of Copper's subscription API: what bodies may hold, and the exact texts of answers.
namespace carillon::domain {

/// Bounds of a subscription's `secret` and `headers` (each), ours: Copper names none.
inline constexpr std::size_t max_copper_pairs = 32;
inline constexpr std::size_t max_copper_pair_name = 128;   ///< bytes
inline constexpr std::size_t max_copper_pair_value = 4096; ///< bytes

/// Rules that belong to other floors. Each returns why the value is refused, or nothing.
struct copper_checks {
  /// An https URL that the egress policy allows.
  std::function<std::optional<std::string>(std::string_view url)> target;
  /// A header field that may stand on a notification.
  std::function<std::optional<std::string>(std::string_view name, std::string_view value)> header;
};

/// An answer other than 200.
struct copper_failure {
  unsigned status = 422;
  std::string message;
};

enum class copper_call : std::uint8_t {
  create, ///< POST: target, type and event are required
  update, ///< PUT: what is sent replaces, what is left out stays, null takes an optional field away
};

/// Applies the body of POST or PUT to `s`, whose `target` and `copper` it sets. On failure `s` is unchanged:
/// 400 for a body that is no JSON, else 422 with Copper's message.
std::optional<copper_failure> apply_copper_request(std::string_view body, copper_call call,
                                                   const copper_checks& checks, subscription& s);

/// The subscription as Copper shows it; optional fields that were never given are left out. Holds the secret.
std::string render_copper_subscription(const subscription& s);
/// A bare array of them.
std::string render_copper_list(const std::vector<const subscription*>& all);
/// The answer to DELETE.
std::string render_copper_deleted(subscription_id id);
/// Copper's error envelope.
std::string render_copper_error(unsigned status, std::string_view message);

/// "Invalid input: Validation errors: …", one problem a line.
std::string copper_validation_message(const std::vector<std::string>& problems);
/// What one subscription over the account's limit is answered.
std::string copper_limit_message(std::uint32_t limit);

inline constexpr std::string_view copper_bad_target = "Invalid input: Invalid URI For External Request";
inline constexpr std::string_view copper_not_found = "Resource not found";
inline constexpr std::string_view copper_bad_token = "Invalid API token";

} // namespace carillon::domain
