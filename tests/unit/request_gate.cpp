#define CAF_SUITE request_gate
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/request_gate.hpp"

#include <string>
#include <vector>

using namespace carillon::net;
using namespace std::literals;

namespace {

int status_of(std::string_view head) {
  const auto verdict = judge_head(head);
  const auto* refusal = std::get_if<gate_refusal>(&verdict);
  return refusal == nullptr ? 200 : refusal->status;
}

gate_pass passed(std::string_view head) {
  auto verdict = judge_head(head);
  if (auto* refusal = std::get_if<gate_refusal>(&verdict))
    CAF_FAIL("refused: " << refusal->detail);
  return std::get<gate_pass>(std::move(verdict));
}

std::string with_fields(std::string_view fields) {
  return "POST /x HTTP/1.1\r\nHost: a\r\n" + std::string{fields} + "\r\n";
}

std::string with_target(std::string_view target) {
  return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

} // namespace

CAF_TEST(bodies_are_framed_in_one_way_or_refused) {
  const std::vector<std::string> refused{
      "Transfer-Encoding: gzip\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: Chunked\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",
      "Transfer-Encoding: \r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n",
      "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 5\r\nContent-Length: 5\r\n",
      "Content-Length: 5\r\nContent-Length: 6\r\n",
      "Content-Length: 5, 5\r\n",
      "Content-Length: 5,5\r\n",
      "Content-Length: +5\r\n",
      "Content-Length: -5\r\n",
      "Content-Length: 0x5\r\n",
      "Content-Length: 5 5\r\n",
      "Content-Length: \r\n",
      "Content-Length: 5.0\r\n",
      "Content-Length: 18446744073709551617\r\n",
      "Content-Length : 5\r\n",
      "Transfer-Encoding : chunked\r\n",
  };
  for (const auto& fields : refused) {
    CAF_MESSAGE(fields);
    CAF_CHECK_EQUAL(status_of(with_fields(fields)), 400);
  }
  CAF_CHECK(passed(with_fields("")).framing == body_framing::none);
  const auto length = passed(with_fields("content-LENGTH:\t5 \r\n"));
  CAF_CHECK(length.framing == body_framing::length);
  CAF_CHECK_EQUAL(length.content_length, 5u);
  CAF_CHECK(passed(with_fields("Transfer-Encoding: chunked\r\n")).framing == body_framing::chunked);
}

CAF_TEST(http_1_0_has_no_chunks_and_needs_no_host) {
  CAF_CHECK_EQUAL(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  CAF_CHECK(passed("GET / HTTP/1.0\r\n\r\n").is_http_1_0);
  CAF_CHECK(!passed("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expects_continue);
}

CAF_TEST(a_connection_persists_as_its_version_and_its_options_say) {
  CAF_CHECK(passed(with_fields("")).keep_alive);
  CAF_CHECK(passed(with_fields("Connection: keep-alive, upgrade\r\n")).keep_alive);
  CAF_CHECK(passed(with_fields("Connection: closed\r\nX-Connection: close\r\n")).keep_alive);
  CAF_CHECK(!passed(with_fields("connection: Close\r\n")).keep_alive);
  CAF_CHECK(!passed(with_fields("Connection: keep-alive ,\tclose\r\n")).keep_alive);
  CAF_CHECK(!passed(with_fields("Connection: close\r\nConnection: keep-alive\r\n")).keep_alive);
  CAF_CHECK(!passed("GET / HTTP/1.0\r\n\r\n").keep_alive);
  CAF_CHECK(passed("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  CAF_CHECK(!passed("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n").keep_alive);
}

CAF_TEST(method_and_fields_are_told_in_order_without_the_space_around) {
  const auto head = with_fields("X-A: \t1 2 \r\nx-a:\r\nB:3\r\n");
  const auto pass = passed(head);
  CAF_CHECK_EQUAL(pass.method, "POST");
  using field = std::pair<std::string_view, std::string_view>;
  CAF_CHECK(pass.fields == (std::vector<field>{{"Host", "a"}, {"X-A", "1 2"}, {"x-a", ""}, {"B", "3"}}));
}

CAF_TEST(there_is_one_host_and_it_looks_like_one) {
  CAF_CHECK_EQUAL(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of("GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), 200);
}

CAF_TEST(fields_are_tokens_and_values_on_one_line) {
  CAF_CHECK_EQUAL(status_of(with_fields("X-A: 1\r\n folded\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X-A: 1\r\n\tfolded\r\n")), 400);
  CAF_CHECK_EQUAL(status_of("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X A: 1\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X-A\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields(": 1\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X(A): 1\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X-\xc3\xa4: 1\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X-A: a\0b\r\n"sv)), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X-A: a\rb\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X-A: a\nContent-Length: 5\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X-A: a\x01\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X-A: a\x7f\r\n")), 400);
  CAF_CHECK_EQUAL(status_of(with_fields("X-A: a\tb \xc3\xa4\r\n")), 200);
  CAF_CHECK_EQUAL(status_of(with_fields("X-A:\r\n")), 200);
}

CAF_TEST(too_many_fields_are_431) {
  std::string fields;
  for (std::size_t i = 0; i < max_header_fields - 1; ++i)
    fields += "X-A: 1\r\n";
  CAF_CHECK_EQUAL(status_of(with_fields(fields)), 200);
  CAF_CHECK_EQUAL(status_of(with_fields(fields + "X-A: 1\r\n")), 431);
}

CAF_TEST(the_request_line_is_three_words) {
  const std::vector<std::string> refused{
      "get / HTTP/1.1",    "Get / HTTP/1.1",       "GET  / HTTP/1.1",    "GET / HTTP/1.1 ", "GET /  HTTP/1.1",
      "GET / a HTTP/1.1",  " GET / HTTP/1.1",      "GET\t/ HTTP/1.1",    "GET /",           "GET",
      "GET / http/1.1",    "GET / HTTP/1.10",      "GET / HTTP/11",      "GET / HTTP/1,1",  "G(T / HTTP/1.1",
      "GET / HTTP/1.1\rX", "CONNECT a:1 HTTP/1.1", "OPTIONS * HTTP/1.1", "GET x HTTP/1.1",  "",
  };
  for (const auto& line : refused) {
    CAF_MESSAGE(line);
    CAF_CHECK_EQUAL(status_of(line + "\r\nHost: a\r\n\r\n"), 400);
  }
  CAF_CHECK_EQUAL(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  CAF_CHECK_EQUAL(status_of("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505);
  CAF_CHECK_EQUAL(status_of("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
}

CAF_TEST(targets_are_decoded_once_and_hold_no_controls) {
  const std::vector<std::string> refused{
      "/%",      "/%4",           "/%4g",       "/%g4",          "/a%00b",        "/a%0d%0ab", "/a%1fb",
      "/a%7fb",  "/a?b=%0",       "/?%00=1",    "/?a=%0a",       "/a\x01",        "/a\x7f",    "/a\xc3\xa4",
      "/%c3",    "/%ff",          "/%c0%af",    "/a%2fb",        "/a%2Fb",        "/a#b",      "/%ed%a0%80",
      "/?q=%ff", "/%f5%80%80%80", "/%e0%9f%bf", "/%f0%8f%bf%bf", "/%f4%90%80%80",
  };
  for (const auto& target : refused) {
    CAF_MESSAGE(target);
    CAF_CHECK_EQUAL(status_of(with_target(target)), 400);
  }
  CAF_CHECK_EQUAL(passed(with_target("/a%20b%C3%A4/c+d")).path, "/a b\xc3\xa4/c+d");
  CAF_CHECK_EQUAL(passed(with_target("/%2541")).path, "/%41");
  const auto pass = passed(with_target("/p?a=1&b=x+y%2Fz%26&&c&=d&e=f=g&t=%F0%9F%98%80"));
  CAF_CHECK_EQUAL(pass.path, "/p");
  const std::vector<std::pair<std::string, std::string>> expected{
      {"a", "1"}, {"b", "x y/z&"}, {"c", ""}, {"", "d"}, {"e", "f=g"}, {"t", "\xf0\x9f\x98\x80"}};
  CAF_CHECK(pass.query == expected);
}

CAF_TEST(absolute_targets_name_the_host) {
  const auto pass = passed(with_target("HTTP://b:80/x?y=1"));
  CAF_CHECK_EQUAL(pass.authority, "b:80");
  CAF_CHECK_EQUAL(pass.path, "/x");
  CAF_CHECK_EQUAL(pass.query.size(), 1u);
  CAF_CHECK_EQUAL(passed(with_target("https://b")).path, "/");
  CAF_CHECK_EQUAL(passed(with_target("https://b?y=1")).query.size(), 1u);
  CAF_CHECK_EQUAL(status_of(with_target("ftp://b/x")), 400);
  CAF_CHECK_EQUAL(status_of(with_target("http:///x")), 400);
  CAF_CHECK_EQUAL(status_of(with_target("http://u@b/x")), 400);
  CAF_CHECK_EQUAL(status_of("GET http://b/x HTTP/1.1\r\n\r\n"), 400);
}

CAF_TEST(only_100_continue_is_expected) {
  CAF_CHECK(passed(with_fields("Expect: 100-Continue\r\nContent-Length: 1\r\n")).expects_continue);
  CAF_CHECK_EQUAL(status_of(with_fields("Expect: 200-ok\r\n")), 417);
}

CAF_TEST(the_end_of_the_head_is_found_in_pieces) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string bytes = head + "GET /2";
  std::size_t resume = 0;
  for (std::size_t size = 1; size < head.size(); ++size) {
    const auto scan = scan_head(std::string_view{bytes}.substr(0, size), resume);
    CAF_REQUIRE(scan.result == head_scan::state::incomplete);
    resume = scan.resume;
  }
  const auto scan = scan_head(bytes, resume);
  CAF_CHECK(scan.result == head_scan::state::complete);
  CAF_CHECK_EQUAL(scan.size, head.size());
  CAF_CHECK(scan_head("GET / HTTP/1.1\n", 0).result == head_scan::state::malformed);
  CAF_CHECK(scan_head("GET / HTTP/1.1\r\nHost: a\n\n", 0).result == head_scan::state::malformed);
  CAF_CHECK(scan_head("\x16\x03\x01", 0).result == head_scan::state::malformed);
  CAF_CHECK(scan_head("\n", 0).result == head_scan::state::malformed);
}
