# Every library comes from Debian 12's own packages; scripts/setup installs them.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS url system)
find_package(CAF 0.17 REQUIRED COMPONENTS core io)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(lmdb REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(idn2 REQUIRED IMPORTED_TARGET libidn2)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
# Unicode case folding; ships no .pc file (libidn2 stands on it as well).
find_path(UNISTRING_INCLUDE_DIR unicase.h REQUIRED)
find_library(UNISTRING_LIBRARY unistring REQUIRED)
# The program's allocator. An event is allocated on one thread and freed on another, which is what the C library's is
# slowest at: it costs a fifth more CPU for everything. Without the package the program works all the same.
pkg_check_modules(jemalloc IMPORTED_TARGET jemalloc)
