#pragma once

#include <memory>
#include <string>

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace carillon::net {

struct delivery_target;

/// Whether a receiver's certificate is checked. Connections and sessions of the two never mix.
enum class certificate_mode : bool { verify, insecure };

struct tls_deleter {
  void operator()(ssl_st* connection) const;
  void operator()(ssl_ctx_st* context) const;
  void operator()(ssl_session_st* session) const;
};

using tls_connection = std::unique_ptr<ssl_st, tls_deleter>;

/// Where the newest session of one origin and mode is kept, so that the next connection can resume it. A connection
/// made with it writes into it for as long as it lives.
struct tls_session_slot {
  std::unique_ptr<ssl_session_st, tls_deleter> session;
};

/// Makes TLS connections to receivers: TLS 1.2 or newer, certificate and name checked against the system's trust
/// anchors plus an extra file, sessions resumed, no early data.
class tls_client {
public:
  /// `extra_ca_file`: PEM file of further trust anchors, empty for none. Throws std::runtime_error naming the file
  /// when it can't be used.
  explicit tls_client(const std::string& extra_ca_file);

  /// A connection for a connected, non-blocking socket, which stays the caller's. Resumes `slot`'s session if there
  /// is one. Null only when the library has no memory.
  tls_connection connect(int socket, const delivery_target& target, certificate_mode mode, tls_session_slot& slot) const;

private:
  std::unique_ptr<ssl_ctx_st, tls_deleter> verifying_, insecure_;
};

/// Why the last operation on `connection` failed, as one line for people: what is wrong with the certificate, or
/// what the library says. `fallback` when it says nothing. Empties the thread's error queue.
std::string tls_failure(const ssl_st* connection, const std::string& fallback);

} // namespace carillon::net
