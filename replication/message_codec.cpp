#include "replication/message_codec.hpp"

#include "domain/byte_codec.hpp"

#include <utility>

namespace carillon::replication {

namespace {

using domain::byte_reader;
using domain::byte_writer;

void put(byte_writer& w, const row_id& id) {
  w.number(id.at);
  w.number(id.seq);
}
row_id get_row_id(byte_reader& r) {
  row_id id;
  id.at = r.number();
  id.seq = r.number();
  return id;
}

struct writer {
  byte_writer w;

  void operator()(const lead& m) { w.number(m.at); }
  void operator()(const standing& m) {
    w.number(m.at);
    put(w, m.last);
    w.number(m.applied);
    w.u8(m.whole ? 1 : 0);
    put(w, m.base);
    w.number(m.copy);
    w.number(m.parts);
    w.number(m.shipped);
  }
  void operator()(const refused& m) { w.number(m.promised); }
  void operator()(const append& m) {
    w.number(m.at);
    put(w, m.previous);
    w.number(m.committed);
    w.number(m.rows.size());
    for (const auto& row : m.rows) {
      put(w, row.id);
      w.text(row.row);
      w.text(row.staged);
    }
  }
  void operator()(const appended& m) {
    w.number(m.at);
    w.number(m.last);
  }
  void operator()(const reset& m) {
    w.number(m.at);
    put(w, m.base);
  }
  void operator()(const snapshot_part& m) {
    w.number(m.at);
    put(w, m.through);
    w.number(m.copy);
    w.number(m.index);
    w.u8(m.last ? 1 : 0);
    w.text(m.rows);
  }
  void operator()(const installed& m) {
    w.number(m.at);
    w.number(m.copy);
    w.number(m.index);
    w.u8(m.whole ? 1 : 0);
  }
};

std::size_t size_of(const message& what) {
  constexpr std::size_t numbers = 64;
  if (const auto* m = std::get_if<append>(&what)) {
    auto size = numbers;
    for (const auto& row : m->rows)
      size += row.row.size() + row.staged.size() + numbers;
    return size;
  }
  const auto* part = std::get_if<snapshot_part>(&what);
  return numbers + (part != nullptr ? part->rows.size() : 0);
}

message read(std::uint8_t kind, byte_reader& r) {
  const auto at = r.number();
  switch (kind) {
  case 0:
    return lead{at};
  case 1: {
    standing m{at, get_row_id(r), 0, false, {}, 0, 0, 0};
    m.applied = r.number();
    m.whole = r.u8() != 0;
    m.base = get_row_id(r);
    m.copy = r.number();
    m.parts = r.number();
    m.shipped = r.number();
    return m;
  }
  case 2:
    return refused{at};
  case 3: {
    append m{at, get_row_id(r), 0, {}};
    m.committed = r.number();
    for (auto left = r.number(); left > 0 && r.ok(); --left) {
      log_entry row;
      row.id = get_row_id(r);
      row.row = r.text();
      row.staged = r.text();
      m.rows.push_back(std::move(row));
    }
    return m;
  }
  case 4:
    return appended{at, r.number()};
  case 5:
    return reset{at, get_row_id(r)};
  case 6: {
    snapshot_part m{at, get_row_id(r), r.number(), 0, false, {}};
    m.index = r.number();
    m.last = r.u8() != 0;
    m.rows = r.text();
    return m;
  }
  default: {
    installed m{at, r.number(), 0, false};
    m.index = r.number();
    m.whole = r.u8() != 0;
    return m;
  }
  }
}

} // namespace

std::string encode(const message& what) {
  std::string text;
  text.reserve(size_of(what));
  text.push_back(static_cast<char>(what.index()));
  std::visit(writer{byte_writer{text}}, what);
  return text;
}

std::optional<message> decode(std::string_view text) {
  if (text.empty() || static_cast<std::size_t>(text[0]) >= std::variant_size_v<message>)
    return std::nullopt;
  byte_reader r{text.substr(1)};
  auto what = read(static_cast<std::uint8_t>(text[0]), r);
  if (!r.ok() || !r.at_end())
    return std::nullopt;
  return what;
}

} // namespace carillon::replication
