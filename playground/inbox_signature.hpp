#pragma once

#include "playground/inbox.hpp"

#include <string>
#include <vector>

namespace carillon::playground {

/// Judges the signatures of arrivals, of both kinds that Carillon sends: Standard Webhooks' and Pipeliner's.
/// The two headers' names differ in case alone, so each value is tried as either.
class signature_check {
public:
  /// `secrets` are "whsec_…", `signatures` the texts that Pipeliner's subscriptions bear. Throws
  /// std::runtime_error when a secret is none.
  signature_check(const std::vector<std::string>& secrets, std::vector<std::string> signatures);

  /// `unchecked` when there is nothing to check by.
  signature_state operator()(const arrival& entry) const;

private:
  /// Every value that is right for the arrival.
  std::vector<std::string> expected(const arrival& entry) const;

  std::vector<std::string> keys_;
  std::vector<std::string> signatures_;
};

} // namespace carillon::playground
