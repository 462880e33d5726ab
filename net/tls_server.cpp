#include "net/tls_server.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>
#include <stdexcept>
#include <utility>

namespace carillon::net {

namespace {

namespace ssl = boost::asio::ssl;

/// Chooses http/1.1; a client that offers other protocols only is served without ALPN.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned int in_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours - 1, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::chrono::system_clock::time_point not_after(const SSL_CTX* context) {
  std::tm ends{};
  const X509* certificate = SSL_CTX_get0_certificate(context);
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &ends) != 1)
    return {};
  return std::chrono::system_clock::from_time_t(timegm(&ends));
}

} // namespace

tls_server::tls_server(std::string certificate_chain, std::string key)
    : certificate_(std::move(certificate_chain)), key_(std::move(key)), current_(load()) {}

tls_server::loaded tls_server::load() const {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  auto* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections give their 34 KiB of record buffers back.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                               SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  boost::system::error_code ec;
  if (context->use_certificate_chain_file(certificate_, ec); ec)
    throw std::runtime_error("can't use the TLS certificate " + certificate_ + ": " + ec.message());
  if (context->use_private_key_file(key_, ssl::context::pem, ec); ec)
    throw std::runtime_error("can't use the TLS key " + key_ + ": " + ec.message());
  if (SSL_CTX_check_private_key(native) != 1)
    throw std::runtime_error("the TLS key " + key_ + " doesn't belong to the certificate " + certificate_);
  const auto ends = not_after(native);
  return {std::move(context), ends};
}

std::shared_ptr<ssl::context> tls_server::context() const {
  const std::lock_guard lock{mutex_};
  return current_.context;
}

void tls_server::reload() {
  auto fresh = load();
  const std::lock_guard lock{mutex_};
  current_ = std::move(fresh);
}

std::chrono::system_clock::time_point tls_server::expiry() const {
  const std::lock_guard lock{mutex_};
  return current_.expiry;
}

} // namespace carillon::net
