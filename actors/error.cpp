#include "actors/error.hpp"

namespace carillon::actors {

std::string to_string(ec code) {
  switch (code) {
  case ec::none:
    return "none";
  case ec::no_such_account:
    return "no such account";
  case ec::not_loaded:
    return "the account can't be loaded";
  case ec::not_served:
    return "this node doesn't serve the account";
  case ec::store_refused:
    return "the store refused";
  }
  return "unknown error";
}

} // namespace carillon::actors
