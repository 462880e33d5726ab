#define CAF_SUITE store
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "scratch_store.hpp"

#include "storage/disk_room.hpp"
#include "storage/keys.hpp"
#include "storage/lmdb.hpp"
#include "storage/log_reader.hpp"
#include "storage/store_header.hpp"

#include <fstream>
#include <set>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace carillon;
using namespace carillon::storage;
using namespace carillon::storage_tests;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
}

/// Changes the header row of a store that nobody has open.
void rewrite_header(const std::string& directory, const std::function<void(std::string&)>& change) {
  environment env{{.path = directory, .map_size = std::uint64_t{16} << 20}};
  write_transaction txn{env};
  std::string value{*txn.get(header_key())};
  change(value);
  txn.put(header_key(), value);
  txn.commit();
}

} // namespace

CAF_TEST(a new store is private and keeps its identity) {
  scratch_folder folder;
  store_identity first;
  const auto directory = folder.path + "/parent/store";
  {
    store s{small_store(directory)};
    first = s.identity();
    CAF_CHECK_EQUAL(s.life(), 1u);
    CAF_CHECK_EQUAL(first.shards, 64u);
    CAF_CHECK_EQUAL(first.generation, 1u);
    CAF_CHECK(!s.held());
    CAF_CHECK_EQUAL(first.uuid.size(), 36u);
    CAF_CHECK_EQUAL(mode_of(directory), 0700u);
    CAF_CHECK_EQUAL(mode_of(directory + "/data.mdb"), 0600u);
    CAF_CHECK_EQUAL(mode_of(directory + "/lock.mdb"), 0600u);
    CAF_CHECK_EQUAL(mode_of(directory + "/carillon.lock"), 0600u);
  }
  store s{small_store(directory)};
  CAF_CHECK_EQUAL(s.identity().uuid, first.uuid);
  CAF_CHECK(s.identity().hash_key == first.hash_key);
  CAF_CHECK_EQUAL(s.life(), 2u);
  CAF_CHECK_EQUAL(s.stamp().life, 2u);
}

CAF_TEST(two stores differ in uuid and hash key) {
  scratch_folder folder;
  store a{small_store(folder.path + "/a")};
  store b{small_store(folder.path + "/b")};
  CAF_CHECK(a.identity().uuid != b.identity().uuid);
  CAF_CHECK(a.identity().hash_key != b.identity().hash_key);
}

CAF_TEST(accounts spread over all shards and stay where they are) {
  scratch_folder folder;
  const auto directory = folder.path + "/s";
  std::map<std::string, domain::shard_id> placed;
  std::set<domain::shard_id> used;
  {
    store s{small_store(directory)};
    for (int i = 0; i < 2000; ++i) {
      const auto name = "account-" + std::to_string(i);
      placed[name] = s.shard_of(name);
      used.insert(placed[name]);
      CAF_REQUIRE(domain::raw(placed[name]) < 64);
    }
  }
  CAF_CHECK_EQUAL(used.size(), 64u);
  store s{small_store(directory)};
  for (const auto& [name, shard] : placed)
    CAF_REQUIRE(s.shard_of(name) == shard);
  CAF_CHECK_EQUAL(domain::raw(s.shard_of(domain::account_id{64 * 7 + 5})), 5u);
}

CAF_TEST(a second opening in the same process names the process) {
  scratch_folder folder;
  store s{small_store(folder.path + "/s")};
  const auto message = message_of([&] { store again{small_store(folder.path + "/s")}; });
  CAF_CHECK(message.find("in use by process " + std::to_string(::getpid())) != std::string::npos);
  // The failed opening must not have loosened the lock.
  CAF_CHECK(message_of([&] { store again{small_store(folder.path + "/s")}; }) == message);
}

CAF_TEST(a store of another process is refused until that one ends) {
  scratch_folder folder;
  const auto directory = folder.path + "/s";
  int ready[2], done[2];
  CAF_REQUIRE(::pipe(ready) == 0 && ::pipe(done) == 0);
  const auto child = ::fork();
  if (child == 0) {
    char byte = 'x';
    try {
      store s{small_store(directory)};
      if (::write(ready[1], &byte, 1) == 1)
        (void)::read(done[0], &byte, 1);
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0); // without closing: as a kill would
  }
  char byte = 0;
  CAF_REQUIRE(::read(ready[0], &byte, 1) == 1);
  const auto message = message_of([&] { store s{small_store(directory)}; });
  CAF_CHECK(message.find("in use by process " + std::to_string(child)) != std::string::npos);
  CAF_REQUIRE(::write(done[1], &byte, 1) == 1);
  int status = 0;
  CAF_REQUIRE(::waitpid(child, &status, 0) == child);
  CAF_CHECK_EQUAL(status, 0);
  for (int fd : {ready[0], ready[1], done[0], done[1]})
    ::close(fd);
  store s{small_store(directory)};
  CAF_CHECK_EQUAL(s.life(), 2u);
}

CAF_TEST(a newer format is refused and left as it is) {
  scratch_folder folder;
  const auto directory = folder.path + "/s";
  { store s{small_store(directory)}; }
  rewrite_header(directory, [](std::string& value) {
    value[8] = 3;                   // the format
    value.resize(value.size() + 9); // fields that this version doesn't know
  });
  for (int i = 0; i < 2; ++i) {
    const auto message = message_of([&] { store s{small_store(directory)}; });
    CAF_CHECK(message.find("written by a newer Carillon (format 3, this one reads 2)") != std::string::npos);
  }
}

CAF_TEST(a format that is read no more is refused and left as it is) {
  scratch_folder folder;
  const auto directory = folder.path + "/s";
  { store s{small_store(directory)}; }
  rewrite_header(directory, [&](std::string& value) {
    auto header = decode_header(value, directory);
    header.format = 1;
    value = encode_header(header);
  });
  for (int i = 0; i < 2; ++i) {
    const auto message = message_of([&] { store s{small_store(directory)}; });
    CAF_CHECK(message.find("written by an earlier Carillon (format 1, this one reads 2)") !=
              std::string::npos);
  }
}

CAF_TEST(a damaged header is told from a newer one) {
  scratch_folder folder;
  const auto directory = folder.path + "/s";
  { store s{small_store(directory)}; }
  rewrite_header(directory, [](std::string& value) { value[20] = static_cast<char>(value[20] ^ 1); });
  CAF_CHECK(message_of([&] { store s{small_store(directory)}; }).find("checksum") != std::string::npos);
  rewrite_header(directory, [](std::string& value) { value = "nonsense of a sufficient length"; });
  CAF_CHECK(message_of([&] { store s{small_store(directory)}; }).find("not Carillon's") != std::string::npos);
  {
    environment env{{.path = directory, .map_size = std::uint64_t{16} << 20}};
    write_transaction txn{env};
    txn.erase(header_key());
    txn.put("some", "row");
    txn.commit();
  }
  CAF_CHECK(message_of([&] { store s{small_store(directory)}; }).find("no header") != std::string::npos);
}

CAF_TEST(every bit of the header is covered by its checksum) {
  store_header header;
  header.identity.uuid = std::string(36, 'u');
  header.life = 7;
  const auto good = encode_header(header);
  CAF_CHECK_EQUAL(decode_header(good, "x").life, 7u);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    CAF_REQUIRE(!message_of([&] { decode_header(bad, "x"); }).empty());
  }
}

CAF_TEST(a file that is no store is refused) {
  scratch_folder folder;
  const auto directory = folder.path + "/s";
  CAF_REQUIRE(::mkdir(directory.c_str(), 0700) == 0);
  std::ofstream{directory + "/data.mdb"} << std::string(20000, 'x');
  CAF_CHECK(message_of([&] { store s{small_store(directory)}; }).find("can't be opened") !=
            std::string::npos);
  CAF_CHECK(message_of([&] { store s{small_store("/dev/null")}; }).find("not a directory") !=
            std::string::npos);
}

CAF_TEST(network file systems have names and local ones none) {
  CAF_CHECK_EQUAL(network_file_system(0x6969), "NFS");
  CAF_CHECK_EQUAL(network_file_system(0xFF534D42), "CIFS");
  CAF_CHECK_EQUAL(network_file_system(static_cast<std::int32_t>(0xFF534D42)),
                  "CIFS"); // f_type may be signed 32 bits
  CAF_CHECK_EQUAL(network_file_system(0x01021997), "9P");
  CAF_CHECK_EQUAL(network_file_system(0xEF53), "");     // ext4
  CAF_CHECK_EQUAL(network_file_system(0x65735546), ""); // FUSE
  CAF_CHECK_EQUAL(network_file_system(0x01021994), ""); // tmpfs
}

CAF_TEST(the fill grows with rows and falls when they are erased) {
  scratch_folder folder;
  store s{small_store(folder.path + "/s")};
  group_commit writer{s};
  const auto empty = s.fill();
  CAF_CHECK(empty.limit <= std::uint64_t{16} << 20);
  CAF_CHECK(empty.used < 100'000);
  for (std::uint64_t i = 0; i < 40; ++i)
    CAF_REQUIRE(put_table(writer, key(domain::shard_id{1}, row_kind::block, i), std::string(100'000, 'v')));
  const auto filled = s.fill();
  CAF_CHECK(filled.used > 4'000'000);
  CAF_CHECK(!s.full());
  for (std::uint64_t i = 0; i < 40; ++i)
    CAF_REQUIRE(erase_table(writer, key(domain::shard_id{1}, row_kind::block, i)));
  CAF_CHECK(s.fill().used < 500'000);
}

CAF_TEST(a store is full from 85 percent on and not full again after erasing) {
  scratch_folder folder;
  store s{small_store(folder.path + "/s")};
  group_commit writer{s};
  std::uint64_t i = 0;
  while (!s.full() && i < 1000)
    CAF_REQUIRE(put_table(writer, key(domain::shard_id{1}, row_kind::block, i++), std::string(100'000, 'v')));
  const auto fill = s.fill();
  const auto share = static_cast<double>(fill.used) / static_cast<double>(fill.limit);
  CAF_CHECK(share >= 0.85);
  CAF_CHECK(share < 0.90);
  for (std::uint64_t j = 0; j < i; ++j)
    CAF_REQUIRE(erase_table(writer, key(domain::shard_id{1}, row_kind::block, j)));
  s.fill();
  CAF_CHECK(!s.full());
}

CAF_TEST(the ballast has its blocks and is given up once) {
  scratch_folder folder;
  auto settings = small_store(folder.path + "/s");
  settings.ballast = 1 << 20;
  store s{settings};
  const auto path = s.directory() + "/ballast";
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    CAF_MESSAGE(
        "skipped: the file system under the temporary folder can't take blocks ahead, or is nearly full");
    return;
  }
  CAF_CHECK_EQUAL(info.st_size, 1 << 20);
  CAF_CHECK(info.st_blocks * 512 >= 1 << 20);
  CAF_CHECK_EQUAL(info.st_mode & 0777, 0600u);
  CAF_CHECK(s.give_up_ballast());
  CAF_CHECK(::stat(path.c_str(), &info) != 0);
  CAF_CHECK(!s.give_up_ballast());
}

CAF_TEST(a restore that did not end is not started) {
  scratch_folder folder;
  const auto directory = folder.path + "/s";
  CAF_REQUIRE(::mkdir(directory.c_str(), 0700) == 0);
  std::ofstream{directory + "/restoring.mdb"} << "half";
  CAF_CHECK(message_of([&] { store s{small_store(directory)}; }).find("did not end") != std::string::npos);
}
