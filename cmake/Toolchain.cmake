# Compiler and linker settings that every target shares, as one interface library.
add_library(carillon_options INTERFACE)
target_include_directories(carillon_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(carillon_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
target_compile_definitions(carillon_options INTERFACE
  CARILLON_VERSION="${PROJECT_VERSION}"
  $<$<BOOL:${CARILLON_FAULT_POINTS}>:CARILLON_FAULT_POINTS=1>)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlaps in std::string's own code when it inlines at -O3 (GCC bug 105651), and uninitialised members in
  # <regex> under sanitizers (GCC bug 105562).
  target_compile_options(carillon_options INTERFACE -Wno-restrict)
  if(CARILLON_SANITIZE)
    target_compile_options(carillon_options INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()

if(CARILLON_WARNINGS_AS_ERRORS)
  target_compile_options(carillon_options INTERFACE -Werror)
endif()

if(CARILLON_SANITIZE)
  target_compile_options(carillon_options INTERFACE
    -fsanitize=${CARILLON_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(carillon_options INTERFACE -fsanitize=${CARILLON_SANITIZE})
endif()

find_program(CARILLON_CCACHE ccache)
if(CARILLON_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CARILLON_CCACHE})
endif()
find_program(CARILLON_MOLD mold)
if(CARILLON_MOLD)
  target_link_options(carillon_options INTERFACE -fuse-ld=mold)
endif()
