#include "playground/demo_folder.hpp"

#include "crypto/base64.hpp"
#include "crypto/random.hpp"
#include "crypto/signature.hpp"
#include "crypto/token.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace carillon::playground {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t master_key_bytes = 32;

[[noreturn]] void fail(const fs::path& path) {
  throw std::runtime_error("the playground can't write " + path.string() + ": " + std::strerror(errno));
}

} // namespace

demo_folder::demo_folder(fs::path path) : path_(std::move(path)) {
  std::error_code ec;
  fs::create_directories(path_, ec);
  if (ec)
    throw std::runtime_error("the playground's folder " + path_.string() + " can't be made: " + ec.message());
  // It holds secrets.
  if (::chmod(path_.c_str(), S_IRWXU) != 0)
    fail(path_);
}

std::string demo_folder::read(std::string_view name) const {
  std::ifstream in{file(name), std::ios::binary};
  std::string content{std::istreambuf_iterator<char>{in}, {}};
  while (content.ends_with('\n'))
    content.pop_back();
  return content;
}

void demo_folder::write(std::string_view name, std::string_view content) const {
  const auto target = file(name);
  const auto fresh = file(std::string{name} + ".new");
  std::error_code ec;
  fs::remove(fresh, ec);
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0)
    fail(fresh);
  const auto text = std::string{content} + "\n";
  const bool whole = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (::close(fd) != 0 || !whole || std::rename(fresh.c_str(), target.c_str()) != 0)
    fail(target);
}

fs::path demo_folder::master_keys() const {
  constexpr auto name = "master.keys";
  if (read(name).empty())
    write(name, "playground:" + crypto::base64_encode(crypto::random_bytes(master_key_bytes)));
  return file(name);
}

fs::path demo_folder::admin_token() const {
  constexpr auto name = "admin-token";
  if (read(name).empty())
    write(name, crypto::make_token("cat"));
  return file(name);
}

std::string demo_folder::signing_secret() const {
  constexpr auto name = "signing-secret";
  auto secret = read(name);
  if (!crypto::decode_secret(secret)) {
    secret = crypto::make_secret();
    write(name, secret);
  }
  return secret;
}

std::string demo_folder::pipeliner_signature() const {
  constexpr auto name = "pipeliner-signature";
  auto signature = read(name);
  if (signature.empty()) {
    signature = crypto::uuid_v4();
    write(name, signature);
  }
  return signature;
}

std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

} // namespace carillon::playground
