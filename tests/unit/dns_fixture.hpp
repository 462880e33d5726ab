#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// A name server on the loopback that answers from a table.
namespace dns_fixture {

struct records {
  std::vector<std::string> addresses{}; ///< IPv4 and IPv6
  std::uint32_t ttl = 60;
  bool silent = false;  ///< never answers
  std::uint8_t code = 0; ///< response code, e.g. 2 for SERVFAIL
};

class server {
public:
  server() {
    socket_ = ::socket(AF_INET, SOCK_DGRAM, 0);
    // Questions for many dead names are all sent again at the same time.
    const int room = 1 << 20;
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot bind a name server");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { run(); }};
  }

  ~server() {
    stopping_ = true;
    // A datagram to itself wakes it up.
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    sendto(socket_, "", 0, 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
    thread_.join();
    ::close(socket_);
  }

  void set(const std::string& name, records what) {
    const std::lock_guard guard{mutex_};
    table_[name] = std::move(what);
  }

  /// How many questions came for the name (IPv4 and IPv6 count one each).
  int asked(const std::string& name) {
    const std::lock_guard guard{mutex_};
    return asked_[name];
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
  void run() {
    while (!stopping_) {
      unsigned char query[1500];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const auto got = recvfrom(socket_, query, sizeof query, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 17)
        continue;
      std::string name;
      std::size_t at = 12;
      while (at < static_cast<std::size_t>(got) && query[at] != 0) {
        if (!name.empty())
          name += '.';
        name.append(reinterpret_cast<const char*>(query) + at + 1, query[at]);
        at += query[at] + 1U;
      }
      const int type = query[at + 1] << 8 | query[at + 2];
      const std::size_t question_end = at + 5;
      records found;
      bool known = false;
      {
        const std::lock_guard guard{mutex_};
        ++asked_[name];
        if (const auto entry = table_.find(name); entry != table_.end()) {
          found = entry->second;
          known = true;
        }
      }
      if (found.silent)
        continue;
      std::string answers;
      int count = 0;
      for (const auto& text : found.addresses) {
        unsigned char bytes[16];
        const bool v6 = text.find(':') != std::string::npos;
        if (v6 != (type == 28) || inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes) != 1)
          continue;
        const auto ttl = htonl(found.ttl);
        answers += std::string{"\xc0\x0c\x00", 3} + static_cast<char>(type) + std::string{"\x00\x01", 2};
        answers.append(reinterpret_cast<const char*>(&ttl), 4);
        answers += std::string{"\x00", 1} + static_cast<char>(v6 ? 16 : 4);
        answers.append(reinterpret_cast<const char*>(bytes), v6 ? 16 : 4);
        ++count;
      }
      std::string reply(reinterpret_cast<const char*>(query), question_end);
      reply[2] = '\x81';
      reply[3] = static_cast<char>(0x80 | (known ? found.code : 3));
      reply[6] = 0;
      reply[7] = static_cast<char>(count);
      reply[8] = reply[9] = reply[10] = reply[11] = 0;
      reply += answers;
      sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  int socket_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::map<std::string, records> table_;
  std::map<std::string, int> asked_;
  std::thread thread_;
};

} // namespace dns_fixture
