#pragma once

#include <filesystem>

namespace carillon::playground {

/// What `make_test_ca` wrote: PEM files.
struct test_ca_files {
  std::filesystem::path authority;   ///< the CA's certificate: what clients must trust (`egress.ca-file`)
  std::filesystem::path certificate; ///< the server's, for localhost, 127.0.0.1 and ::1
  std::filesystem::path key;         ///< the server's, readable by its owner only
};

/// A certificate authority for one purpose: it signs one server certificate for this machine's loopback
/// names.
///
/// Makes `directory` and the files in it, or uses those that are there while they fit together and are valid
/// for another day, so that whoever trusts the CA goes on doing so. The CA's own key is never written: nobody
/// can use it to vouch for other names. Throws std::runtime_error naming the file that can't be read or
/// written.
test_ca_files make_test_ca(const std::filesystem::path& directory);

} // namespace carillon::playground
