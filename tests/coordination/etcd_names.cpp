#define CAF_SUITE etcd_names
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "tests/coordination/etcd_fixture.hpp"
#include "tests/coordination/fake_etcd.hpp"

#include <dlfcn.h>
#include <netdb.h>

#include <atomic>
#include <cstring>

using namespace etcd_fixture;
using namespace std::chrono_literals;

namespace {

/// The system's resolver, as this program finds it, while the name servers are silent.
class silent_name_servers {
public:
  static silent_name_servers& instance() {
    static silent_name_servers one;
    return one;
  }
  /// Until `speak`.
  void hold() {
    std::unique_lock guard{mutex_};
    ++asked_, changed_.notify_all();
    changed_.wait(guard, [&] { return speaking_; });
    ++answered_, changed_.notify_all();
  }
  bool wait_until_asked(int times) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, patience, [&] { return asked_ >= times; });
  }
  int asked() {
    const std::lock_guard guard{mutex_};
    return asked_;
  }
  void fall_silent() {
    const std::lock_guard guard{mutex_};
    speaking_ = false;
  }
  /// Until all questions are answered, too.
  void speak() {
    std::unique_lock guard{mutex_};
    speaking_ = true, changed_.notify_all();
    changed_.wait_for(guard, patience, [&] { return answered_ == asked_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool speaking_ = false;
  int asked_ = 0, answered_ = 0;
};

constexpr const char* held_name = "held.example";

} // namespace

/// Stands before the C library's: `held_name` is localhost once the name servers speak.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  using resolve = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto next = reinterpret_cast<resolve>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (node != nullptr && std::strcmp(node, held_name) == 0) {
    silent_name_servers::instance().hold();
    node = "127.0.0.1";
  }
  return next(node, service, hints, result);
}

namespace {

std::string by_name(const fake_etcd::server& server) {
  return "http://" + (held_name + server.url().substr(server.url().rfind(':')));
}

} // namespace

CAF_TEST(a store ends while a name is being looked up) {
  auto& names = silent_name_servers::instance();
  names.fall_silent();
  fake_etcd::server server;
  etcd_settings settings;
  settings.endpoints = {by_name(server)};
  settings.attempt_timeout = 24h; // the end comes neither from the name server nor from the deadline
  auto store = make_etcd_store(settings);
  auto answered = std::make_shared<std::atomic<int>>(0);
  const auto before = names.asked();
  store->get("/a", reach::key, [answered](get_result result) { *answered += result.error ? 1 : 100; });
  store->compare_and_swap({"/a", 0, "x", 0}, [answered](swap_result result) { *answered += result.error ? 1 : 100; });
  CAF_CHECK(names.wait_until_asked(before + 1));
  auto end = std::async(std::launch::async, [&] { store.reset(); });
  const bool ended = end.wait_for(patience) == std::future_status::ready;
  names.speak();
  end.wait();
  CAF_CHECK(ended);
  CAF_CHECK_EQUAL(answered->load(), 2);
  CAF_CHECK_EQUAL(names.asked(), before + 1);
}

CAF_TEST(a name that is found late serves then and is not asked for by every call) {
  auto& names = silent_name_servers::instance();
  names.fall_silent();
  fake_etcd::server server;
  etcd_settings settings;
  settings.endpoints = {by_name(server)};
  auto store = make_etcd_store(settings);
  const auto before = names.asked();
  for (int i = 0; i < 3; ++i)
    CAF_CHECK(get(*store, "/a").error->what == failure::unreachable);
  CAF_CHECK_EQUAL(names.asked(), before + 1);
  names.speak();
  wait_until_up(*store);
  CAF_CHECK(swap(*store, {"/a", 0, "x", 0}).succeeded);
  CAF_CHECK_EQUAL(names.asked(), before + 1);
}
