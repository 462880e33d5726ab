#include "account/log_entry.hpp"

#include "crypto/hash.hpp"

#include <boost/mp11/algorithm.hpp>

namespace carillon::account::entry {

using domain::byte_reader;
using domain::byte_writer;

namespace {

enum class kind : std::uint8_t {
  time = 1,
  event,
  opened,
  joined,
  claimed,
  ended,
  dropped,
  subscription_put,
  subscription_status,
  subscription_erased,
};

/// The kinds go by the order of the alternatives.
template <class Entry>
constexpr auto kind_of = static_cast<kind>(boost::mp11::mp_find<any, Entry>::value + 1);

void put_timing(byte_writer& w, const std::optional<std::uint32_t>& t) {
  w.number(t ? *t + std::uint64_t{1} : 0);
}
std::optional<std::uint32_t> get_timing(byte_reader& r) {
  const auto v = r.number();
  return v == 0 ? std::nullopt : std::optional{static_cast<std::uint32_t>(v - 1)};
}

/// Ascending numbers as differences: a run costs a byte each.
void put_numbers(byte_writer& w, const std::vector<domain::notification_number>& numbers) {
  w.number(numbers.size());
  std::uint64_t last = 0;
  for (const auto n : numbers) {
    w.signed_number(static_cast<std::int64_t>(raw(n) - last));
    last = raw(n);
  }
}

std::vector<domain::notification_number> get_numbers(byte_reader& r) {
  std::vector<domain::notification_number> out;
  std::uint64_t last = 0;
  for (auto left = r.number(); left > 0 && r.ok(); --left) {
    last += static_cast<std::uint64_t>(r.signed_number());
    out.push_back(domain::notification_number{last});
  }
  return out;
}

struct writer {
  byte_writer& w;

  void operator()(const time& e) const {
    w.signed_number(e.boot.time_since_epoch().count());
    w.signed_number(e.wall.time_since_epoch().count());
  }
  void operator()(event& e) const {
    w.u8(e.given ? 1 : 0);
    w.text(e.id);
    w.number(e.notifications);
    w.number(e.bytes.size());
    w.fixed32(crypto::crc32c(e.bytes));
    e.offset = static_cast<std::uint32_t>(w.size());
    w.raw(e.bytes);
  }
  void operator()(const opened& e) const {
    w.number(raw(e.subscription));
    w.number(e.delay_seconds);
    w.number(e.merge_key);
    w.u8(static_cast<std::uint8_t>(e.as));
    w.number(e.first);
    w.number(e.count);
    w.u8(e.test ? 1 : 0);
  }
  void operator()(const joined& e) const {
    w.number(raw(e.number));
    w.u8(static_cast<std::uint8_t>(e.as));
    w.number(e.first);
    w.number(e.count);
  }
  void operator()(const claimed& e) const { put_numbers(w, e.numbers); }
  void operator()(const ended& e) const {
    w.number(raw(e.number));
    w.u8(static_cast<std::uint8_t>(e.result.state));
    w.number(e.result.status_code);
    w.u8(static_cast<std::uint8_t>(e.result.error));
    w.text(e.result.detail);
    w.u8(e.result.first_byte ? 1 : 0);
    if (e.result.first_byte)
      w.signed_number(e.result.first_byte->time_since_epoch().count());
    w.signed_number(e.result.ended.time_since_epoch().count());
    w.number(e.result.retry_after ? *e.result.retry_after + std::uint64_t{1} : 0);
    put_timing(w, e.result.timing.dns);
    put_timing(w, e.result.timing.connect);
    put_timing(w, e.result.timing.tls);
    put_timing(w, e.result.timing.response);
    w.text(e.result.response_excerpt);
    w.signed_number(e.at.time_since_epoch().count());
  }
  void operator()(const dropped& e) const {
    w.u8(static_cast<std::uint8_t>(e.state));
    put_numbers(w, e.numbers);
  }
  void operator()(const subscription_put& e) const { w.text(e.record); }
  void operator()(const subscription_status& e) const {
    w.number(raw(e.id));
    w.u8(static_cast<std::uint8_t>(e.status));
    w.text(e.reason);
  }
  void operator()(const subscription_erased& e) const { w.number(raw(e.id)); }
};

domain::boot_time get_boot(byte_reader& r) {
  return domain::boot_time{std::chrono::nanoseconds{r.signed_number()}};
}
domain::wall_time get_wall(byte_reader& r) {
  return domain::wall_time{std::chrono::milliseconds{r.signed_number()}};
}

event get_event(byte_reader& r) {
  event e;
  e.given = r.u8() != 0;
  e.id = r.text();
  e.notifications = r.as<std::uint32_t>();
  const auto length = r.as<std::size_t>();
  const auto crc = r.fixed32();
  e.offset = static_cast<std::uint32_t>(r.position());
  e.bytes = r.raw(length);
  if (r.ok() && crypto::crc32c(e.bytes) != crc)
    r.fail();
  return e;
}

opened get_opened(byte_reader& r) {
  opened e;
  e.subscription = domain::subscription_id{r.number()};
  e.delay_seconds = r.as<std::uint32_t>();
  e.merge_key = r.number();
  e.as = static_cast<domain::action>(r.u8());
  e.first = r.as<std::uint32_t>();
  e.count = r.as<std::uint32_t>();
  e.test = r.u8() != 0;
  return e;
}

joined get_joined(byte_reader& r) {
  joined e;
  e.number = domain::notification_number{r.number()};
  e.as = static_cast<domain::action>(r.u8());
  e.first = r.as<std::uint32_t>();
  e.count = r.as<std::uint32_t>();
  return e;
}

ended get_ended(byte_reader& r) {
  ended e;
  e.number = domain::notification_number{r.number()};
  e.result.state = static_cast<domain::notification_state>(r.u8());
  e.result.status_code = r.as<std::uint16_t>();
  e.result.error = static_cast<domain::failure_class>(r.u8());
  e.result.detail = r.text();
  if (r.u8() != 0)
    e.result.first_byte = get_boot(r);
  e.result.ended = get_boot(r);
  if (const auto after = r.number(); after > 0)
    e.result.retry_after = static_cast<std::uint32_t>(after - 1);
  e.result.timing.dns = get_timing(r);
  e.result.timing.connect = get_timing(r);
  e.result.timing.tls = get_timing(r);
  e.result.timing.response = get_timing(r);
  e.result.response_excerpt = r.text();
  e.at = get_wall(r);
  return e;
}

dropped get_dropped(byte_reader& r) {
  dropped e;
  e.state = static_cast<domain::notification_state>(r.u8());
  e.numbers = get_numbers(r);
  return e;
}

subscription_status get_status(byte_reader& r) {
  subscription_status e;
  e.id = domain::subscription_id{r.number()};
  e.status = static_cast<domain::subscription_status>(r.u8());
  e.reason = r.text();
  return e;
}

} // namespace

template <class Entry>
void put(Entry& e, std::string& entries) {
  byte_writer w{entries};
  w.u8(static_cast<std::uint8_t>(kind_of<Entry>));
  writer{w}(e);
}

template void put(time&, std::string&);
template void put(event&, std::string&);
template void put(opened&, std::string&);
template void put(joined&, std::string&);
template void put(claimed&, std::string&);
template void put(ended&, std::string&);
template void put(dropped&, std::string&);
template void put(subscription_put&, std::string&);
template void put(subscription_status&, std::string&);
template void put(subscription_erased&, std::string&);

std::optional<any> next(byte_reader& in) {
  if (in.at_end())
    return std::nullopt;
  switch (static_cast<kind>(in.u8())) {
  case kind::time: {
    time e;
    e.boot = get_boot(in);
    e.wall = get_wall(in);
    return e;
  }
  case kind::event:
    return get_event(in);
  case kind::opened:
    return get_opened(in);
  case kind::joined:
    return get_joined(in);
  case kind::claimed:
    return claimed{get_numbers(in)};
  case kind::ended:
    return get_ended(in);
  case kind::dropped:
    return get_dropped(in);
  case kind::subscription_put:
    return subscription_put{in.text()};
  case kind::subscription_status:
    return get_status(in);
  case kind::subscription_erased:
    return subscription_erased{domain::subscription_id{in.number()}};
  }
  in.fail();
  return std::nullopt;
}

} // namespace carillon::account::entry
