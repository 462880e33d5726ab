#pragma once

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace carillon::net {

/// The TLS settings of both sides of a link: TLS 1.3, both with a certificate, nothing trusted but the
/// cluster's CA, no resumption (every link proves anew who it is).
struct link_tls {
  std::shared_ptr<boost::asio::ssl::context> server, client;
};

/// Reads the PEM files; throws std::runtime_error naming the key whose file can't be used.
link_tls load_link_tls(const std::string& certificate, const std::string& key, const std::string& ca);

/// Lets `connection` (a client's) accept a certificate for this host only: a name or an address, no wildcard,
/// because a link's certificate says which node it is. False when the library can't.
bool expect_host(ssl_st* connection, const std::string& host);

/// Whether the peer's verified certificate bears this host, by the same rule.
bool bears_host(const ssl_st* connection, const std::string& host);

/// Whether `error` says that one side doesn't trust the other's certificate.
bool about_certificate(const ssl_st* connection, const boost::system::error_code& error);

/// `error` in words: for a certificate, what is wrong with it.
std::string describe(const ssl_st* connection, const boost::system::error_code& error);

} // namespace carillon::net
