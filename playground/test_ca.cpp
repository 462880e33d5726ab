#include "playground/test_ca.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace carillon::playground {

namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;

constexpr long day = 24 * 60 * 60;
/// What clients accept of a server's certificate at most.
constexpr long lifetime = 825 * day;

void check(bool ok, const char* what) {
  if (!ok)
    throw std::runtime_error(std::string{"can't make the test certificates: "} + what);
}

void add_extension(X509* certificate, X509* issuer, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> extension{
      X509V3_EXT_conf_nid(nullptr, &context, id, value)};
  check(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

/// A certificate for `key` without extensions or signature.
certificate_ptr make_certificate(EVP_PKEY* key, const char* common_name) {
  certificate_ptr certificate{X509_new()};
  check(certificate != nullptr, "X509_new");
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::array<unsigned char, 16> serial{};
  check(RAND_bytes(serial.data(), static_cast<int>(serial.size())) == 1, "RAND_bytes");
  serial[0] &= 0x7f;
  const std::unique_ptr<BIGNUM, freed_by<BN_free>> number{
      BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr)};
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get()));
  // An hour back: clocks of containers and hosts differ.
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), lifetime);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
  return certificate;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
  const bio_ptr bio{BIO_new(BIO_s_mem())};
  check(PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM");
  return text_of(bio.get());
}

std::string pem(EVP_PKEY* key) {
  const bio_ptr bio{BIO_new(BIO_s_mem())};
  check(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "PEM");
  return text_of(bio.get());
}

/// Replaces the file as a whole; it never has more permissions than `mode`.
void write_file(const std::filesystem::path& path, std::string_view text, mode_t mode) {
  const auto fresh = path.string() + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool closed = fd >= 0 && ::close(fd) == 0;
  if (!written || !closed || ::rename(fresh.c_str(), path.c_str()) != 0)
    throw std::runtime_error("can't write " + path.string() + ": " + std::strerror(errno));
}

bool fit_together(const test_ca_files& files) {
  const auto open = [](const std::filesystem::path& path) {
    return bio_ptr{BIO_new_file(path.c_str(), "r")};
  };
  const auto authority_file = open(files.authority), certificate_file = open(files.certificate),
             key_file = open(files.key);
  if (!authority_file || !certificate_file || !key_file)
    return false;
  const certificate_ptr authority{PEM_read_bio_X509(authority_file.get(), nullptr, nullptr, nullptr)};
  const certificate_ptr certificate{PEM_read_bio_X509(certificate_file.get(), nullptr, nullptr, nullptr)};
  const key_ptr key{PEM_read_bio_PrivateKey(key_file.get(), nullptr, nullptr, nullptr)};
  if (!authority || !certificate || !key)
    return false;
  std::time_t tomorrow = std::time(nullptr) + day;
  return X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1 &&
         X509_check_private_key(certificate.get(), key.get()) == 1 &&
         X509_cmp_time(X509_get0_notAfter(certificate.get()), &tomorrow) > 0 &&
         X509_cmp_time(X509_get0_notAfter(authority.get()), &tomorrow) > 0;
}

/// Keeps a second process from writing into the same folder at the same time.
class directory_lock {
public:
  explicit directory_lock(const std::filesystem::path& directory)
      : fd_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (fd_ < 0 || ::flock(fd_, LOCK_EX) != 0)
      throw std::runtime_error("can't use the folder " + directory.string() + ": " + std::strerror(errno));
  }
  directory_lock(const directory_lock&) = delete;
  directory_lock& operator=(const directory_lock&) = delete;
  ~directory_lock() { ::close(fd_); }

private:
  int fd_;
};

} // namespace

test_ca_files make_test_ca(const std::filesystem::path& directory) {
  std::error_code ec;
  std::filesystem::create_directories(directory, ec);
  if (ec)
    throw std::runtime_error("can't make the folder " + directory.string() + ": " + ec.message());
  const directory_lock lock{directory};
  test_ca_files files{directory / "ca.pem", directory / "server.pem", directory / "server.key"};
  if (fit_together(files))
    return files;

  const key_ptr authority_key{EVP_EC_gen("P-256")};
  const key_ptr key{EVP_EC_gen("P-256")};
  check(authority_key && key, "no key");
  const auto authority = make_certificate(authority_key.get(), "Carillon test CA");
  X509_set_issuer_name(authority.get(), X509_get_subject_name(authority.get()));
  add_extension(authority.get(), authority.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(authority.get(), authority.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(authority.get(), authority.get(), NID_subject_key_identifier, "hash");
  check(X509_sign(authority.get(), authority_key.get(), EVP_sha256()) > 0, "sign");

  const auto certificate = make_certificate(key.get(), "localhost");
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority.get()));
  add_extension(certificate.get(), authority.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), authority.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(certificate.get(), authority.get(), NID_ext_key_usage, "serverAuth");
  add_extension(certificate.get(), authority.get(), NID_subject_alt_name,
                "DNS:localhost,IP:127.0.0.1,IP:::1");
  add_extension(certificate.get(), authority.get(), NID_authority_key_identifier, "keyid");
  check(X509_sign(certificate.get(), authority_key.get(), EVP_sha256()) > 0, "sign");

  write_file(files.key, pem(key.get()), 0600);
  write_file(files.certificate, pem(certificate.get()), 0644);
  write_file(files.authority, pem(authority.get()), 0644);
  return files;
}

} // namespace carillon::playground
