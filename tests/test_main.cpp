// The one file that brings in the implementation of CAF's test runner.
#include "caf/test/unit_test_impl.hpp"
