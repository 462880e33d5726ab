#include "net/host_lookup.hpp"

#include <boost/asio/post.hpp>

#include <netdb.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace carillon::net {

namespace asio = boost::asio;

namespace {

/// Addresses of one host that are of use: who has more has them for reasons that aren't ours.
constexpr std::size_t most_addresses = 8;

std::vector<asio::ip::address> addresses_of(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::vector<asio::ip::address> out;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0)
    return out;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard{found, &::freeaddrinfo};
  for (const auto* one = found; one != nullptr && out.size() < most_addresses; one = one->ai_next) {
    if (one->ai_family == AF_INET) {
      out.emplace_back(asio::ip::address_v4{
          ntohl(reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr.s_addr)});
    } else if (one->ai_family == AF_INET6) {
      const auto* at = reinterpret_cast<const sockaddr_in6*>(one->ai_addr);
      asio::ip::address_v6::bytes_type bytes{};
      std::copy_n(at->sin6_addr.s6_addr, bytes.size(), bytes.begin());
      out.emplace_back(asio::ip::address_v6{bytes, at->sin6_scope_id});
    }
  }
  return out;
}

} // namespace

/// Outlives its owner as long as an answer is outstanding.
struct host_lookup::waiting {
  std::mutex mutex;
  asio::io_context* context = nullptr; ///< under the mutex; null when the owner is gone
  /// Whom to tell, by host. Of the context's thread: what they hold must not end on another.
  std::map<std::string, std::vector<callback>> told;
};

host_lookup::host_lookup(asio::io_context& context) : waiting_{std::make_shared<waiting>()} {
  waiting_->context = &context;
}

host_lookup::~host_lookup() {
  waiting_->told.clear();
  const std::lock_guard lock{waiting_->mutex};
  waiting_->context = nullptr;
}

void host_lookup::ask(const std::string& host, callback done) {
  auto& told = waiting_->told[host];
  told.push_back(std::move(done));
  if (told.size() > 1)
    return;
  const auto answer = [shared = waiting_, host](std::vector<asio::ip::address> found) {
    const std::lock_guard lock{shared->mutex};
    if (shared->context == nullptr)
      return;
    asio::post(*shared->context, [shared, host, found = std::move(found)] {
      if (auto node = shared->told.extract(host); !node.empty())
        for (const auto& one : node.mapped())
          one(found);
    });
  };
  try {
    std::thread{[answer, host] { answer(addresses_of(host)); }}.detach();
  } catch (const std::system_error&) {
    answer({}); // no more threads: no more answers
  }
}

} // namespace carillon::net
