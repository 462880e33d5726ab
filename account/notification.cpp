#include "account/notification.hpp"

#include "account/stored_value.hpp"
#include "domain/byte_codec.hpp"
#include "storage/framed_value.hpp"

#include <algorithm>

namespace carillon::account {

using domain::byte_reader;
using domain::byte_writer;

namespace {

constexpr std::uint8_t block_version = 2;
/// Bytes of a stored notification of one record.
constexpr std::size_t usual_size = 144;

void put_wall(byte_writer& w, domain::wall_time t) {
  w.signed_number(t.time_since_epoch().count());
}
domain::wall_time get_wall(byte_reader& r) {
  return domain::wall_time{std::chrono::milliseconds{r.signed_number()}};
}
void put_boot(byte_writer& w, domain::boot_time t) {
  w.signed_number(t.time_since_epoch().count());
}
domain::boot_time get_boot(byte_reader& r) {
  return domain::boot_time{std::chrono::nanoseconds{r.signed_number()}};
}

void put_timing(byte_writer& w, const std::optional<std::uint32_t>& t) {
  w.number(t ? *t + std::uint64_t{1} : 0);
}
std::optional<std::uint32_t> get_timing(byte_reader& r) {
  const auto v = r.number();
  return v == 0 ? std::nullopt : std::optional{static_cast<std::uint32_t>(v - 1)};
}

void encode_part(const notification_part& p, byte_writer& w) {
  w.number(p.where.seq);
  w.number(p.where.offset);
  w.number(p.where.length);
  w.text(p.event_id);
  w.number(p.first);
  w.number(p.count);
  w.u8(static_cast<std::uint8_t>(p.as));
  put_wall(w, p.accepted);
  w.number(p.charged);
}

notification_part decode_part(byte_reader& r) {
  notification_part p;
  p.where.seq = r.number();
  p.where.offset = r.as<std::uint32_t>();
  p.where.length = r.as<std::uint32_t>();
  p.event_id = r.text();
  p.first = r.as<std::uint32_t>();
  p.count = r.as<std::uint32_t>();
  p.as = static_cast<domain::action>(r.u8());
  p.accepted = get_wall(r);
  p.charged = r.as<std::uint32_t>();
  return p;
}

notification decode_one(byte_reader& r) {
  notification n;
  n.number = domain::notification_number{r.number()};
  n.subscription = domain::subscription_id{r.number()};
  n.revision = r.as<std::uint32_t>();
  n.speaks = static_cast<domain::dialect>(r.u8());
  n.test = r.u8() != 0;
  n.state = static_cast<domain::notification_state>(r.u8());
  n.merge_key = r.number();
  n.due = get_boot(r);
  notification_course course;
  course.claimed_boot = get_boot(r);
  course.claimed_life = r.as<std::uint32_t>();
  n.created = get_wall(r);
  n.due_wall = get_wall(r);
  course.claimed = get_wall(r);
  course.ended = get_wall(r);
  for (auto left = r.number(); left > 0 && r.ok(); --left)
    n.parts.push_back(decode_part(r));
  for (auto left = r.number(); left > 0 && r.ok(); --left) {
    domain::record_id id;
    id.numeric = r.u8() != 0;
    id.text = r.text();
    n.records.push_back(std::move(id));
  }
  n.feed_number = r.number();
  auto& result = course.result;
  result.status_code = r.as<std::uint16_t>();
  result.error = static_cast<domain::failure_class>(r.u8());
  result.detail = r.text();
  result.timing.dns = get_timing(r);
  result.timing.connect = get_timing(r);
  result.timing.tls = get_timing(r);
  result.timing.response = get_timing(r);
  result.response_excerpt = r.text();
  if (is_final(n.state))
    result.state = n.state;
  if (n.state != domain::notification_state::pending)
    n.course = std::move(course);
  return n;
}

block_head head_of(const std::vector<const notification*>& ns) {
  block_head head;
  if (ns.empty())
    return head;
  head.created = ns.front()->created;
  for (const auto* n : ns)
    head.ended = std::max(head.ended, is_final(n->state) ? n->course->ended : domain::wall_time::max());
  const auto last = raw(ns.back()->number);
  // Numbers begin with 1.
  head.complete = last % block_size == block_size - 1 &&
                  ns.size() == (last < block_size ? block_size - 1 : block_size);
  return head;
}

void put_head(const block_head& head, byte_writer& w) {
  put_wall(w, head.created);
  put_wall(w, head.ended);
  w.u8(head.complete ? 1 : 0);
}

block_head get_head(byte_reader& r) {
  block_head head;
  head.created = get_wall(r);
  head.ended = get_wall(r);
  head.complete = r.u8() != 0;
  return head;
}

} // namespace

std::optional<block_head> read_block_head(std::string_view value) {
  const auto content = open_value(block_version, value);
  if (!content)
    return std::nullopt;
  byte_reader r{*content};
  const auto head = get_head(r);
  return r.ok() ? std::optional{head} : std::nullopt;
}

std::uint64_t notification::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& p : parts)
    sum += p.charged;
  return sum;
}

void encode(const notification& n, std::string& out) {
  byte_writer w{out};
  w.number(raw(n.number));
  w.number(raw(n.subscription));
  w.number(n.revision);
  w.u8(static_cast<std::uint8_t>(n.speaks));
  w.u8(n.test ? 1 : 0);
  w.u8(static_cast<std::uint8_t>(n.state));
  w.number(n.merge_key);
  put_boot(w, n.due);
  put_boot(w, n.course->claimed_boot);
  w.number(n.course->claimed_life);
  put_wall(w, n.created);
  put_wall(w, n.due_wall);
  put_wall(w, n.course->claimed);
  put_wall(w, n.course->ended);
  w.number(n.parts.size());
  for (const auto& p : n.parts)
    encode_part(p, w);
  w.number(n.records.size());
  for (const auto& id : n.records) {
    w.u8(id.numeric ? 1 : 0);
    w.text(id.text);
  }
  w.number(n.feed_number);
  w.number(n.course->result.status_code);
  w.u8(static_cast<std::uint8_t>(n.course->result.error));
  w.text(n.course->result.detail);
  put_timing(w, n.course->result.timing.dns);
  put_timing(w, n.course->result.timing.connect);
  put_timing(w, n.course->result.timing.tls);
  put_timing(w, n.course->result.timing.response);
  w.text(n.course->result.response_excerpt);
}

std::string encode_block(const std::vector<const notification*>& ns, const domain::time_stamp& stamp) {
  auto value = storage::begin_frame(block_version);
  value.reserve((ns.size() + 1) * usual_size);
  byte_writer w{value};
  put_head(head_of(ns), w);
  encode_stamp(stamp, w);
  for (const auto* n : ns)
    encode(*n, value);
  storage::end_frame(value);
  return value;
}

std::vector<notification> decode_notifications(std::string_view value, const domain::time_stamp& now,
                                               bool& ok) {
  std::vector<notification> out;
  const auto content = open_value(block_version, value);
  ok = content.has_value();
  if (!ok)
    return out;
  byte_reader r{*content};
  get_head(r);
  const auto then = decode_stamp(r);
  while (!r.at_end()) {
    auto n = decode_one(r);
    if (!r.ok())
      break;
    n.due = domain::translate(n.due, then, now);
    if (n.state != domain::notification_state::pending)
      n.course.make().claimed_boot = domain::translate(n.course->claimed_boot, then, now);
    out.push_back(std::move(n));
  }
  ok = r.ok();
  return out;
}

} // namespace carillon::account
