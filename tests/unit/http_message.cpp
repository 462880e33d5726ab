#define CAF_SUITE http_message
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/http_message.hpp"

using namespace carillon::net;

CAF_TEST(a_field_is_found_without_case_and_the_first_one_counts) {
  http_fields fields;
  fields.add("Content-Type", "text/plain");
  fields.add("content-type", "other");
  CAF_CHECK_EQUAL(fields.find("CONTENT-type").value_or("none"), "text/plain");
  CAF_CHECK(!fields.find("Content-Typ"));
  CAF_CHECK(!fields.find("Content-Types"));
  CAF_CHECK_EQUAL(fields.size(), 2u);
}

CAF_TEST(field_names_differ_in_more_than_the_case_bit) {
  // '@' and '`' differ in the bit that separates 'A' from 'a'.
  http_fields fields;
  fields.add("x-`", "1");
  CAF_CHECK(!fields.find("x-@"));
}

CAF_TEST(query_values_are_found_with_case) {
  http_request request;
  request.query = {{"after", "1"}, {"after", "2"}};
  CAF_CHECK_EQUAL(request.query_value("after").value_or("none"), "1");
  CAF_CHECK(!request.query_value("After"));
}
