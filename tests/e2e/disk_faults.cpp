// Preloaded into a node: a disk that is slow, or answers with an error, while a test says so.
//
// The file that CARILLON_TEST_DISK names holds one line: "slow MILLISECONDS" or "error ERRNO". Without it, or empty, the
// disk is as it is. Only what is written to a store's data file is concerned.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr char data_file[] = "/data.mdb";

bool is_data_file(int file) {
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const auto size = ::readlink(link, path, sizeof path);
  constexpr auto end = sizeof data_file - 1;
  return size >= static_cast<ssize_t>(end) && std::memcmp(path + size - end, data_file, end) == 0;
}

/// What the test says now: the errno to answer with, 0 for none; `milliseconds` to wait before a sync.
int fault_of(int file, long& milliseconds) {
  milliseconds = 0;
  const char* control = std::getenv("CARILLON_TEST_DISK");
  if (control == nullptr || !is_data_file(file))
    return 0;
  auto* text = std::fopen(control, "re");
  if (text == nullptr)
    return 0;
  char what[16] = "";
  long value = 0;
  const bool read = std::fscanf(text, "%15s %ld", what, &value) == 2;
  std::fclose(text);
  if (read && std::strcmp(what, "slow") == 0)
    milliseconds = value;
  return read && std::strcmp(what, "error") == 0 ? static_cast<int>(value) : 0;
}

template <class Call>
Call system_call(const char* name) {
  return reinterpret_cast<Call>(::dlsym(RTLD_NEXT, name));
}

template <class Call, class... Arguments>
ssize_t written(const char* name, int file, Arguments... arguments) {
  long wait = 0;
  if (const int error = fault_of(file, wait)) {
    errno = error;
    return -1;
  }
  return system_call<Call>(name)(file, arguments...);
}

} // namespace

extern "C" {

int fdatasync(int file) {
  long wait = 0;
  if (const int error = fault_of(file, wait)) {
    errno = error;
    return -1;
  }
  const timespec time{wait / 1000, wait % 1000 * 1'000'000};
  ::nanosleep(&time, nullptr);
  return system_call<int (*)(int)>("fdatasync")(file);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  return written<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite", file, data, size, at);
}

ssize_t writev(int file, const iovec* parts, int count) {
  return written<ssize_t (*)(int, const iovec*, int)>("writev", file, parts, count);
}

} // extern "C"
