#define CAF_SUITE bench_http_scan
#define CAF_TEST_NO_MAIN

#include "bench/http_scan.hpp"
#include "caf/test/unit_test.hpp"

#include <stdexcept>
#include <string>

using namespace carillon::bench;

CAF_TEST(a request is found once it is whole) {
  const std::string one =
      "POST /fast HTTP/1.1\r\nHost: a\r\nWebhook-Id: msg_1\r\ncontent-LENGTH: 3\r\n\r\nabc";
  for (std::size_t size = 0; size < one.size(); ++size)
    CAF_CHECK(!scan_message(std::string_view{one}.substr(0, size)));
  const auto two = one + one;
  const auto found = scan_message(two);
  CAF_REQUIRE(found.has_value());
  CAF_CHECK_EQUAL(found->size, one.size());
  CAF_CHECK_EQUAL(found->body, "abc");
  CAF_CHECK_EQUAL(field_of(found->fields, "webhook-id"), "msg_1");
  CAF_CHECK_EQUAL(field_of(found->fields, "webhook"), "");
  CAF_CHECK_EQUAL(field_of(found->fields, "host"), "a");
}

CAF_TEST(a response has a status) {
  const auto found = scan_message("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
  CAF_REQUIRE(found.has_value());
  CAF_CHECK_EQUAL(status_of(*found), 202);
  CAF_CHECK_EQUAL(found->body, "");
  CAF_CHECK_EQUAL(status_of(*scan_message("HTTP/1.1 204 No Content\r\n\r\n")), 204);
  CAF_CHECK_EQUAL(status_of(*scan_message("SSH-2.0 OpenSSH\r\n\r\n")), 0);
}

CAF_TEST(what it cannot frame is an error) {
  const auto refused = [](std::string_view text) {
    try {
      scan_message(text);
      return false;
    } catch (const std::runtime_error&) {
      return true;
    }
  };
  CAF_CHECK(refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
  CAF_CHECK(refused("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"));
  CAF_CHECK(refused(std::string(100'000, 'a')));
  CAF_CHECK(!refused(std::string(1'000, 'a')));
}
