# What CTest runs besides the C++ suites: house rules, and the tests that start real processes (pytest).
#
# Debian's own Python: another one that comes first on PATH lacks Debian's pytest.
find_program(CARILLON_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(CARILLON_PYTHON python3 REQUIRED)

add_test(NAME house.layers COMMAND ${CARILLON_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/layers.py ${CMAKE_SOURCE_DIR})
add_test(NAME house.layers_self_test COMMAND ${CARILLON_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/layers.py --self-test)
set_tests_properties(house.layers house.layers_self_test PROPERTIES LABELS house TIMEOUT 60)

# The executables are in the folder that CARILLON_BUILD names. pytest exits with an error, too, when it finds no test.
function(carillon_process_test name label long timeout)
  add_test(NAME ${name}
    COMMAND ${CARILLON_PYTHON} -B -m pytest -p no:cacheprovider -q --tb=short ${ARGN}
    WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR}/e2e)
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout}
    ENVIRONMENT "CARILLON_BUILD=${CMAKE_BINARY_DIR};PYTHONUNBUFFERED=1;CARILLON_TEST_LONG=${long}")
endfunction()

# One case a file: e2e/test_crash.py is e2e.crash.
file(GLOB process_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/e2e/test_*.py)
foreach(file IN LISTS process_tests)
  get_filename_component(name ${file} NAME_WE)
  string(REGEX REPLACE "^test_" "" name ${name})
  carillon_process_test(e2e.${name} e2e 0 900 ${file})
endforeach()

# What takes minutes: a hundred deaths instead of a handful, a thousand of a cluster's nodes, and the sweeper's rounds.
carillon_process_test(e2e_long.deaths long 1 3600 ${CMAKE_CURRENT_LIST_DIR}/e2e/test_crash.py -k random)
carillon_process_test(e2e_long.cluster_kill_loop long 1 10800 ${CMAKE_CURRENT_LIST_DIR}/e2e/test_cluster_kill_loop.py)
carillon_process_test(e2e_long.retention long 1 900 ${CMAKE_CURRENT_LIST_DIR}/e2e/test_retention.py)
