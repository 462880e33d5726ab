# carillon_library(<folder> [EXCLUDE <regex>] [PUBLIC <lib>...] [PRIVATE <lib>...])
#
# One static library carillon_<folder> from all sources below the calling folder, but for those that EXCLUDE matches.
function(carillon_library folder)
  cmake_parse_arguments(ARG "" "EXCLUDE" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cpp *.hpp)
  list(FILTER sources EXCLUDE REGEX "_main\\.cpp$")
  if(ARG_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX "${ARG_EXCLUDE}")
  endif()
  if(NOT sources)
    add_library(carillon_${folder} INTERFACE)
    target_link_libraries(carillon_${folder} INTERFACE carillon_options ${ARG_PUBLIC})
    return()
  endif()
  add_library(carillon_${folder} STATIC ${sources})
  set_target_properties(carillon_${folder} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(carillon_${folder} PUBLIC carillon_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# carillon_test_suite(<name> <folder> LINK <lib>...)
#
# One executable <name> from the folder's sources, on CAF's unit test framework, and one CTest case
# per file: a file holds one suite that bears the file's name (rate_limit.cpp: suite "rate_limit").
function(carillon_test_suite name folder)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources} ${CMAKE_SOURCE_DIR}/tests/test_main.cpp)
  target_link_libraries(${name} PRIVATE carillon_options CAF::core Threads::Threads ${ARG_LINK})
  foreach(source IN LISTS sources)
    get_filename_component(suite ${source} NAME_WE)
    add_test(NAME ${name}.${suite} COMMAND ${name} -v 3 -s "^${suite}$")
    # CAF's runner exits 0 when the filter matches nothing: count that as a failure.
    set_tests_properties(${name}.${suite} PROPERTIES
      FAIL_REGULAR_EXPRESSION "tests: +0" TIMEOUT 300)
  endforeach()
endfunction()
