#include "account/event_id.hpp"

#include "crypto/hash.hpp"

#include <algorithm>

namespace carillon::account {

id_hash hash_of(std::string_view id) {
  const auto digest = crypto::sha256(id);
  id_hash out;
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

} // namespace carillon::account
