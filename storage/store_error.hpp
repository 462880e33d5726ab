#pragma once

#include <stdexcept>
#include <string>

namespace carillon::storage {

/// The store can't be opened or used; `what()` names it, says what is wrong and what to do.
class store_error : public std::runtime_error {
  using runtime_error::runtime_error;
};

/// The disk said EIO (or the commit's fate is unknown): nothing may be acknowledged any more, the process
/// must exit.
class fatal_store_error : public store_error {
  using store_error::store_error;
};

} // namespace carillon::storage
