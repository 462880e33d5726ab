#include "net/link_tls.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace carillon::net {

namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

/// What a peer may make us hold of its certificates before it is verified: a chain of a few, bytes.
constexpr long certificates_limit = 16 * 1024;

constexpr unsigned host_flags = X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

bool is_address(const std::string& host) {
  error_code ec;
  boost::asio::ip::make_address(host, ec);
  return !ec;
}

void check(const error_code& ec, const char* key, const std::string& file) {
  if (ec)
    throw std::runtime_error(std::string{key} + ": can't use \"" + file + "\": " + ec.message());
}

std::shared_ptr<ssl::context> make_context(ssl::context::method method, const std::string& certificate,
                                           const std::string& key, const std::string& ca) {
  auto context = std::make_shared<ssl::context>(method);
  auto* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_num_tickets(native, 0);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(native, certificates_limit);
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  error_code ec;
  context->load_verify_file(ca, ec);
  check(ec, "cluster.ca", ca);
  context->use_certificate_chain_file(certificate, ec);
  check(ec, "cluster.certificate", certificate);
  context->use_private_key_file(key, ssl::context::pem, ec);
  check(ec, "cluster.key", key);
  if (SSL_CTX_check_private_key(native) != 1)
    throw std::runtime_error("cluster.key: \"" + key + "\" doesn't belong to the certificate \"" + certificate + "\"");
  return context;
}

} // namespace

link_tls load_link_tls(const std::string& certificate, const std::string& key, const std::string& ca) {
  return {make_context(ssl::context::tls_server, certificate, key, ca),
          make_context(ssl::context::tls_client, certificate, key, ca)};
}

bool expect_host(ssl_st* connection, const std::string& host) {
  auto* parameters = SSL_get0_param(connection);
  if (is_address(host))
    return X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(parameters, host_flags);
  return X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()) == 1 &&
         SSL_set_tlsext_host_name(connection, host.c_str()) == 1;
}

bool bears_host(const ssl_st* connection, const std::string& host) {
  auto* certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr || SSL_get_verify_result(connection) != X509_V_OK)
    return false;
  return (is_address(host) ? X509_check_ip_asc(certificate, host.c_str(), 0)
                           : X509_check_host(certificate, host.data(), host.size(), host_flags, nullptr)) == 1;
}

bool about_certificate(const ssl_st* connection, const error_code& error) {
  if (error.category() != boost::asio::error::get_ssl_category())
    return false;
  if (SSL_get_verify_result(connection) != X509_V_OK)
    return true;
  switch (ERR_GET_REASON(static_cast<unsigned long>(error.value()))) {
  case SSL_R_CERTIFICATE_VERIFY_FAILED:
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
  // What the other side's alert says of our certificate.
  case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
  case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
  case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
  case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
  case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
  case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    return true;
  default:
    return false;
  }
}

std::string describe(const ssl_st* connection, const error_code& error) {
  const auto verified = SSL_get_verify_result(connection);
  if (error.category() == boost::asio::error::get_ssl_category() && verified != X509_V_OK)
    return std::string{"the peer's certificate: "} + X509_verify_cert_error_string(verified);
  // TLS alerts have numbers of their own from this one on.
  const auto reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  if (about_certificate(connection, error) && reason >= SSL_AD_REASON_OFFSET)
    if (const auto* alert = SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET))
      return std::string{"the peer refused this node's certificate: "} + alert;
  if (error == boost::asio::error::eof || error == ssl::error::stream_truncated)
    return "the connection ended";
  return error.message();
}

} // namespace carillon::net
