#define CAF_SUITE link_records
#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test.hpp"

#include "net/link_records.hpp"

#include <string>
#include <vector>

using namespace carillon::net;

namespace {

std::string record(link_record kind, std::string_view payload) {
  std::string out;
  append_record_header(out, kind, payload.size());
  return out.append(payload);
}

/// What comes out of these bytes when they come in pieces of this size: "t:…" of the tunnel, "m:…" messages, "!" nonsense.
std::vector<std::string> read(std::string_view bytes, std::size_t piece) {
  std::vector<std::string> out;
  link_reader reader;
  std::string tunnel;
  const auto end_tunnel = [&] {
    if (!tunnel.empty())
      out.push_back("t:" + std::exchange(tunnel, {}));
  };
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    reader.give(bytes.substr(0, piece));
    for (auto next = reader.next(); !std::holds_alternative<link_reader::nothing>(next); next = reader.next()) {
      if (const auto* part = std::get_if<std::string_view>(&next)) {
        tunnel += *part;
        continue;
      }
      end_tunnel();
      if (const auto* message = std::get_if<std::string>(&next)) {
        out.push_back("m:" + *message);
        continue;
      }
      out.push_back("!");
      return out;
    }
  }
  end_tunnel();
  return out;
}

} // namespace

CAF_TEST(records are read whatever the pieces in which they come) {
  const auto bytes = record(link_record::tunnel, "abc") + record(link_record::last, "one") +
                     record(link_record::part, "be") + record(link_record::tunnel, "def") +
                     record(link_record::part, "") + record(link_record::last, "gun") + record(link_record::last, "") +
                     record(link_record::tunnel, "");
  const std::vector<std::string> expected{"t:abc", "m:one", "t:def", "m:begun", "m:"};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece)
    CAF_CHECK(read(bytes, piece) == expected);
}

CAF_TEST(what begins no record is nonsense) {
  CAF_CHECK(read(record(static_cast<link_record>(0), "x"), 64) == std::vector<std::string>{"!"});
  CAF_CHECK(read(record(static_cast<link_record>(4), "x"), 64) == std::vector<std::string>{"!"});
  CAF_CHECK(read("BASP1234", 3) == std::vector<std::string>{"!"});
  CAF_CHECK(read(record(link_record::last, std::string(link_record_limit + 1, 'x')), 1 << 20) ==
            std::vector<std::string>{"!"});
  CAF_CHECK_EQUAL(read(record(link_record::last, std::string(link_record_limit, 'x')), 1 << 20).front().size(),
                  link_record_limit + 2);
}

CAF_TEST(a message that goes on and on is nonsense) {
  const auto part = record(link_record::part, std::string(link_record_limit, 'x'));
  link_reader reader;
  std::size_t taken = 0;
  for (; taken <= link_message_limit / link_record_limit; ++taken) {
    reader.give(part);
    if (std::holds_alternative<link_reader::nonsense>(reader.next()))
      break;
  }
  CAF_CHECK_EQUAL(taken, link_message_limit / link_record_limit);
}

CAF_TEST(messages leave in their order and long ones in parts between which the tunnel has its turn) {
  link_outbox box;
  const std::string longer(3 * link_record_limit, 'x');
  CAF_CHECK(box.empty());
  CAF_CHECK(box.put("one"));
  CAF_CHECK(box.put(longer));
  CAF_CHECK(box.put(""));
  CAF_CHECK(!box.empty());
  std::string out;
  for (int turn = 0; !box.empty(); ++turn) {
    CAF_REQUIRE(box.wants_tunnel());
    box.put_tunnel(std::to_string(turn));
    CAF_CHECK(!box.wants_tunnel());
    box.take(out, link_record_limit);
  }
  CAF_CHECK(read(out, out.size()) ==
            (std::vector<std::string>{"t:0", "m:one", "t:12", "m:" + longer, "t:3", "m:"}));
}

CAF_TEST(only so much waits) {
  link_outbox box;
  const std::string half(link_outbox::limit / 2, 'x');
  CAF_CHECK(box.put(half));
  CAF_CHECK(box.put(half));
  CAF_CHECK(!box.put("x"));
  std::string out;
  box.take(out, half.size());
  CAF_CHECK(box.put(std::string(1'000, 'x')));
  CAF_CHECK(!box.put(half));
  // One alone may be longer than all that else may wait, but not longer than what a peer takes.
  link_outbox fresh;
  CAF_CHECK(!fresh.put(std::string(link_message_limit + 1, 'x')));
  CAF_CHECK(fresh.put(std::string(link_message_limit, 'x')));
}
