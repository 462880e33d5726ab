#pragma once

#include "playground/demo_account.hpp"
#include "playground/demo_client.hpp"
#include "playground/demo_console.hpp"

#include <map>
#include <string>

namespace carillon::playground {

/// Follows the missed feed with long polls and tells each entry.
class demo_feed {
public:
  /// From now on: asks for the feed's end, so that nothing which ends later is left out.
  demo_feed(const demo_access& access, demo_console& console);

  /// Until `stop`.
  void follow();

  void stop() { client_.stop(); }

private:
  void tell(const std::string& page);

  const demo_access& access_;
  demo_console& console_;
  demo_client client_;
  std::string after_;
  std::map<std::string, std::string> names_;
};

} // namespace carillon::playground
