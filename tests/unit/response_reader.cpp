#define CAF_SUITE response_reader
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/response_reader.hpp"

#include <vector>

using namespace carillon::net;
using progress = response_reader::progress;

namespace {

struct reading {
  progress result = progress::more;
  int status = 0;
  bool has_head = false;
  bool keep_alive = false;
  std::string excerpt;
  bool operator==(const reading&) const = default;
};

/// Feeds `text` in pieces of the given size.
reading read(std::string_view text, std::size_t piece, bool end = false) {
  response_reader reader{{}};
  auto result = progress::more;
  while (!text.empty() && result == progress::more) {
    result = reader.feed(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  if (result == progress::more && end)
    result = reader.end_of_stream();
  return {result, reader.has_head() ? reader.status() : 0, reader.has_head(),
          result == progress::complete && reader.keep_alive(), reader.excerpt()};
}

carillon::domain::wall_time at(std::int64_t seconds) {
  return carillon::domain::wall_time{std::chrono::seconds{seconds}};
}

} // namespace

CAF_TEST(an answer reads the same in pieces of any size) {
  const std::pair<std::string, reading> cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", {progress::complete, 200, true, true, "hello"}},
      {"HTTP/1.1 204 None\r\n\r\n", {progress::complete, 204, true, true, ""}},
      {"HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", {progress::complete, 304, true, true, ""}},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
       {progress::complete, 200, true, true, "abcde"}},
      {"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n",
       {progress::complete, 410, true, true, ""}},
      {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", {progress::complete, 200, true, false, ""}},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", {progress::complete, 200, true, false, "ok"}},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", {progress::complete, 200, true, true, "ok"}},
      {"HTTP/1.1 101 Switching\r\n\r\n", {progress::complete, 101, true, false, ""}},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", {progress::more, 200, true, false, "part"}},
      {"HTTP/1.1 200 OK\r\n\r\nopen end", {progress::more, 200, true, false, "open end"}},
      {"HTTP/1.1 100 Continue\r\n\r\n", {progress::more, 0, false, false, ""}},
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", {progress::malformed, 0, false, false, ""}},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", {progress::malformed, 0, false, false, ""}},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", {progress::malformed, 200, true, false, ""}},
      {"GET / HTTP/1.1\r\n\r\n", {progress::malformed, 0, false, false, ""}},
  };
  for (const auto& [text, expected] : cases)
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      if (read(text, piece) == expected)
        continue;
      CAF_FAIL("pieces of " << piece << ": " << text);
    }
}

CAF_TEST(the end of the connection completes only a body without length) {
  CAF_CHECK(read("HTTP/1.1 200 OK\r\n\r\nopen end", 5, true) == (reading{progress::complete, 200, true, false, "open end"}));
  for (std::string text : {"", "HTTP/1.1", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    CAF_CHECK(read(text, 5, true).result == progress::malformed);
    CAF_CHECK(!read(text, 5, true).has_head);
  }
  for (std::string text : {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0"}) {
    CAF_CHECK(read(text, 5, true).result == progress::malformed);
    CAF_CHECK(read(text, 5, true).has_head);
  }
}

CAF_TEST(memory is bounded whatever comes) {
  for (std::size_t piece : {1u, 1000u, 16384u}) {
    const std::string line(2'000'000, 'x');
    CAF_CHECK(read("HTTP/1.1 200 " + line, piece).result == progress::malformed);
    CAF_CHECK(read("HTTP/1.1 200 OK\r\nX: " + line, piece).result == progress::malformed);
    CAF_CHECK(read("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + line, piece).result == progress::enough);
    CAF_CHECK(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + line, piece).result != progress::more);
    std::string interim, chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 2000; ++i) {
      interim += "HTTP/1.1 100 Go on\r\n\r\n";
      chunks += "1;" + std::string(1000, 'e') + "\r\na\r\n";
    }
    CAF_CHECK(read(interim, piece).result == progress::malformed);
    CAF_CHECK(read(chunks, piece).result == progress::enough);
  }
}

CAF_TEST(a reader can be used again) {
  response_reader reader{{}};
  CAF_CHECK(reader.feed("HTTP/1.1 500 No\r\nRetry-After: 5\r\nContent-Length: 3\r\n\r\nbad") == progress::complete);
  CAF_CHECK_EQUAL(reader.retry_after(at(0)).value_or(0), 5u);
  reader.reset();
  CAF_CHECK(!reader.has_head());
  CAF_CHECK(reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == progress::complete);
  CAF_CHECK_EQUAL(reader.status(), 200);
  CAF_CHECK_EQUAL(reader.excerpt(), "");
  CAF_CHECK(!reader.retry_after(at(0)));
}

CAF_TEST(retry after is a number of seconds or a date) {
  CAF_CHECK_EQUAL(parse_retry_after("120", at(0)).value_or(1), 120u);
  CAF_CHECK_EQUAL(parse_retry_after("0", at(0)).value_or(1), 0u);
  CAF_CHECK_EQUAL(parse_retry_after("99999999999999999999", at(0)).value_or(1), 0xffffffffu);
  CAF_CHECK_EQUAL(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at(784111777 - 90)).value_or(1), 90u);
  CAF_CHECK_EQUAL(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at(784111777 + 90)).value_or(1), 0u);
  for (auto text : {"", "-1", "1.5", "1 s", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Xyz 1994 08:49:37 GMT",
                    "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT x"})
    CAF_CHECK(!parse_retry_after(text, at(0)));
}

CAF_TEST(any bytes become valid text within the limit) {
  const std::string bad = "\xef\xbf\xbd";
  CAF_CHECK_EQUAL(to_valid_utf8("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x94", 100), "plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x94");
  CAF_CHECK_EQUAL(to_valid_utf8("\xff", 100), bad);
  CAF_CHECK_EQUAL(to_valid_utf8("\xc0\x80", 100), bad + bad);
  CAF_CHECK_EQUAL(to_valid_utf8("\xed\xa0\x80", 100), bad + bad + bad);
  CAF_CHECK_EQUAL(to_valid_utf8("\xf4\x90\x80\x80", 100), bad + bad + bad + bad);
  CAF_CHECK_EQUAL(to_valid_utf8("\xe2\x82", 100), bad + bad);
  CAF_CHECK_EQUAL(to_valid_utf8("ab\xc3\xa4", 3), "ab");
  CAF_CHECK_EQUAL(to_valid_utf8("ab\xff", 4), "ab");
}
