#include "net/tls_client.hpp"

#include "net/target.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace carillon::net {

void tls_deleter::operator()(ssl_st* connection) const {
  // Freeing a connection that was not shut down would spoil its session for resumption.
  SSL_set_shutdown(connection, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(connection);
}
void tls_deleter::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void tls_deleter::operator()(ssl_session_st* session) const { SSL_SESSION_free(session); }

namespace {

int keep_session(SSL* connection, SSL_SESSION* session) {
  auto* slot = static_cast<tls_session_slot*>(SSL_get_app_data(connection));
  if (slot == nullptr)
    return 0;
  slot->session.reset(session);
  return 1; // the reference is ours now
}

std::unique_ptr<ssl_ctx_st, tls_deleter> make_context() {
  std::unique_ptr<ssl_ctx_st, tls_deleter> context{SSL_CTX_new(TLS_client_method())};
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
    throw std::runtime_error("OpenSSL: no TLS context");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1); // one read() for a record instead of two
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), &keep_session);
  static constexpr unsigned char protocols[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context.get(), protocols, sizeof protocols - 1);
  return context;
}

} // namespace

tls_client::tls_client(const std::string& extra_ca_file) : verifying_{make_context()}, insecure_{make_context()} {
  SSL_CTX_set_verify(insecure_.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_verify(verifying_.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_default_verify_paths(verifying_.get());
  // An operator may trust an intermediate or a single certificate without its root.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(verifying_.get()), X509_V_FLAG_PARTIAL_CHAIN);
  if (!extra_ca_file.empty() && SSL_CTX_load_verify_file(verifying_.get(), extra_ca_file.c_str()) != 1)
    throw std::runtime_error("egress.ca-file: cannot use \"" + extra_ca_file + "\": " +
                             tls_failure(nullptr, "it holds no certificate in PEM form"));
}

tls_connection tls_client::connect(int socket, const delivery_target& target, certificate_mode mode,
                                   tls_session_slot& slot) const {
  auto* context = mode == certificate_mode::verify ? verifying_.get() : insecure_.get();
  tls_connection connection{SSL_new(context)};
  if (!connection || SSL_set_fd(connection.get(), socket) != 1)
    return nullptr;
  SSL_set_app_data(connection.get(), &slot);
  SSL_set_connect_state(connection.get());
  auto* parameters = SSL_get0_param(connection.get());
  if (target.literal) {
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, target.host.c_str()) != 1)
      return nullptr;
  } else {
    // The subject's common name is no host name any more (RFC 9110, 4.3.4).
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (X509_VERIFY_PARAM_set1_host(parameters, target.host.data(), target.host.size()) != 1 ||
        SSL_set_tlsext_host_name(connection.get(), target.host.c_str()) != 1)
      return nullptr;
  }
  if (slot.session)
    SSL_set_session(connection.get(), slot.session.get());
  return connection;
}

std::string tls_failure(const ssl_st* connection, const std::string& fallback) {
  const int saved = errno;
  const auto code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  const bool about_certificate = ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  ERR_clear_error();
  if (connection != nullptr && about_certificate)
    if (const auto result = SSL_get_verify_result(connection); result != X509_V_OK)
      return X509_verify_cert_error_string(result);
  if (code != 0 && ERR_SYSTEM_ERROR(code))
    return std::strerror(ERR_GET_REASON(code));
  if (code != 0 && ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return fallback;
  if (reason != nullptr)
    return reason;
  return saved != 0 && connection != nullptr ? std::strerror(saved) : fallback;
}

} // namespace carillon::net
