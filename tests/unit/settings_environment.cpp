#define CAF_SUITE settings_environment
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "config/cpu_quota.hpp"
#include "config/systemd_notify.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace carillon::config;

namespace {

/// A folder that stands for "/", gone with the test.
struct fake_root {
  fake_root() {
    char name[] = "/tmp/carillon-root-XXXXXX";
    path = mkdtemp(name);
  }
  ~fake_root() { std::filesystem::remove_all(path); }
  fake_root(const fake_root&) = delete;
  fake_root& operator=(const fake_root&) = delete;

  void write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream{path / name} << content;
  }

  std::filesystem::path path;
};

} // namespace

CAF_TEST(without control groups there is no quota) {
  const fake_root root;
  CAF_CHECK(!cpu_quota(root.path));
  CAF_CHECK(usable_cores(root.path) >= 1u);
}

CAF_TEST(version 2 takes the least of the group and those above) {
  const fake_root root;
  root.write("proc/self/cgroup", "0::/a.slice/b.service\n");
  root.write("sys/fs/cgroup/a.slice/b.service/cpu.max", "max 100000\n");
  CAF_CHECK(!cpu_quota(root.path));
  root.write("sys/fs/cgroup/a.slice/cpu.max", "150000 100000\n");
  CAF_CHECK_EQUAL(cpu_quota(root.path).value_or(0), 1.5);
  CAF_CHECK_EQUAL(usable_cores(root.path), 1u);
  root.write("sys/fs/cgroup/a.slice/b.service/cpu.max", "50000 100000\n");
  CAF_CHECK_EQUAL(cpu_quota(root.path).value_or(0), 0.5);
  CAF_CHECK_EQUAL(usable_cores(root.path), 1u);
}

CAF_TEST(a container sees its own group at the mount) {
  const fake_root root;
  root.write("proc/self/cgroup", "0::/kubepods/pod1/c1\n");
  root.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  CAF_CHECK_EQUAL(cpu_quota(root.path).value_or(0), 2.0);
}

CAF_TEST(version 1 reads quota and period of the cpu controller) {
  const fake_root root;
  root.write("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/c1\n1:name=systemd:/y\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  CAF_CHECK(!cpu_quota(root.path));
  root.write("sys/fs/cgroup/cpu/docker/c1/cpu.cfs_quota_us", "75000\n");
  root.write("sys/fs/cgroup/cpu/docker/c1/cpu.cfs_period_us", "50000\n");
  CAF_CHECK_EQUAL(cpu_quota(root.path).value_or(0), 1.5);
}

CAF_TEST(a large quota leaves the cores) {
  const fake_root root;
  const auto cores = usable_cores(root.path);
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/cpu.max", "1000000000 100000\n");
  CAF_CHECK_EQUAL(usable_cores(root.path), cores);
}

CAF_TEST(systemd hears its protocol) {
  const fake_root root;
  const auto name = (root.path / "notify").string();
  const int receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  CAF_REQUIRE(receiver >= 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  CAF_REQUIRE_EQUAL(bind(receiver, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  // The sender's datagram is in the receiver's buffer when its call returns: nothing to wait for.
  const auto received = [&] {
    char text[512];
    const auto size = recv(receiver, text, sizeof text, 0);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string{};
  };

  unsetenv("NOTIFY_SOCKET");
  CAF_CHECK(!notify_ready("listening"));
  setenv("NOTIFY_SOCKET", (name + "-gone").c_str(), 1);
  CAF_CHECK(!notify_stopping());
  setenv("NOTIFY_SOCKET", "not-a-path", 1);
  CAF_CHECK(!notify_stopping());

  setenv("NOTIFY_SOCKET", name.c_str(), 1);
  CAF_CHECK(notify_ready("listening\nREADY=0"));
  CAF_CHECK_EQUAL(received(), "READY=1\nSTATUS=listening READY=0\n");
  CAF_CHECK(notify_reloading());
  CAF_CHECK_EQUAL(received().substr(0, 27), "RELOADING=1\nMONOTONIC_USEC=");
  CAF_CHECK(notify_status("12 accounts"));
  CAF_CHECK_EQUAL(received(), "STATUS=12 accounts\n");
  CAF_CHECK(notify_stopping());
  CAF_CHECK_EQUAL(received(), "STOPPING=1\n");
  unsetenv("NOTIFY_SOCKET");
  close(receiver);
}
