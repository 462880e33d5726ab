#pragma once

#include "account/account.hpp"
#include "crypto/aead.hpp"
#include "domain/event.hpp"

#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// An account over a store made of a map and a list of rows, with a clock that the test moves.
namespace account_test {

using namespace carillon;
using namespace std::chrono_literals;
using domain::notification_state;

class memory_source final : public account::source {
public:
  struct row {
    std::uint64_t seq = 0;
    domain::time_stamp stamp;
    std::string entries;
  };
  std::map<std::string, std::string> tables;
  std::vector<row> rows;

  std::optional<std::string> get(std::string_view key) const override {
    const auto it = tables.find(std::string{key});
    return it == tables.end() ? std::nullopt : std::optional{it->second};
  }
  std::vector<std::pair<std::string, std::string>> range(std::string_view prefix, std::string_view start,
                                                         std::size_t limit, bool descending) const override {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [k, v] : tables)
      if (k.starts_with(prefix) && (start.empty() || (descending ? k <= start : k >= start)))
        out.emplace_back(k, v);
    if (descending)
      std::reverse(out.begin(), out.end());
    if (out.size() > limit)
      out.resize(limit);
    return out;
  }
  std::vector<std::optional<std::pair<std::string, std::string>>>
  at_or_before(const std::vector<std::string>& keys) const override {
    ++lookups;
    std::vector<std::optional<std::pair<std::string, std::string>>> out;
    for (const auto& k : keys) {
      const auto it = tables.upper_bound(k);
      out.push_back(it == tables.begin() ? std::nullopt : std::optional{*std::prev(it)});
    }
    return out;
  }
  std::optional<std::string> read_event(domain::shard_id, const domain::event_ref& where) const override {
    for (const auto& r : rows)
      if (r.seq == where.seq)
        return r.entries.substr(where.offset - row_offset, where.length);
    return std::nullopt;
  }
  void replay(domain::shard_id, domain::account_id, std::uint64_t after,
              const std::function<void(std::uint64_t, std::uint32_t, const domain::time_stamp&,
                                       std::string_view)>& visit) const override {
    for (const auto& r : rows)
      if (r.seq > after)
        visit(r.seq, row_offset, r.stamp, r.entries);
  }

  mutable int lookups = 0; ///< calls of `at_or_before`

  static constexpr std::uint32_t row_offset = 100; ///< as if others' batches came first
};

/// What a refused request says; 0 and "" when it was not refused.
template <class T>
int status_of(const std::variant<T, account::request_error>& r) {
  const auto* e = std::get_if<account::request_error>(&r);
  return e ? e->status : 0;
}
template <class T>
std::string slug_of(const std::variant<T, account::request_error>& r) {
  const auto* e = std::get_if<account::request_error>(&r);
  return e ? e->slug : "";
}
inline std::uint32_t accepted(const std::variant<account::submit_reply, account::request_error>& r) {
  return std::get<account::submit_reply>(r).accepted;
}

/// Drives turns as the account actor does.
struct world {
  world() : keys{crypto::key_ring::generate(key_line)} {
    limits.name = "acme";
    limits.windows = {{600, 60s}, {1800, 600s}};
    start();
  }

  /// A new life of the process; what is not in the source is lost.
  void start() {
    ++stamp.life;
    load();
  }
  void load() {
    a = std::make_unique<account::account>(account::identity{domain::account_id{64}, domain::shard_id{0}, 1},
                                           limits, source, keys, budget);
    a->load(now_stamp(), 1);
    out.clear();
  }
  domain::time_stamp now_stamp() const {
    auto s = stamp;
    s.boot = boot;
    s.wall = wall;
    return s;
  }
  void pass(std::chrono::nanoseconds t) {
    boot += t;
    wall += std::chrono::duration_cast<std::chrono::milliseconds>(t);
  }

  void begin(bool checkpoint = false) { a->begin({boot, wall}, checkpoint); }
  /// Claims, commits, and takes the POSTs.
  void end() {
    slots_taken = 0;
    a->claim([this] { return slots_taken++ < slots; });
    if (auto b = a->finish()) {
      for (auto& w : b->tables)
        if (w.erase)
          source.tables.erase(w.key);
        else
          source.tables[w.key] = w.value;
      const bool logged = !b->entries.empty();
      if (logged)
        source.rows.push_back({++seq, now_stamp(), b->entries});
      take(a->committed(logged ? seq : 0, memory_source::row_offset));
    } else {
      take(a->committed(0, 0));
    }
  }
  void take(std::vector<account::outgoing> posts) {
    for (auto& p : posts)
      out.push_back(std::move(p));
  }
  void turn() {
    begin();
    end();
  }
  void checkpoint() {
    begin(true);
    end();
  }

  domain::subscription_id subscribe(std::string type = "person", std::string event = "update",
                                    std::function<void(domain::subscription&)> change = {}) {
    domain::subscription s;
    s.target = "https://hooks.example.com/a";
    s.copper.type = std::move(type);
    s.copper.event = std::move(event);
    if (change)
      change(s);
    begin();
    const domain::subscription_id id{next_subscription += 64};
    const auto r = a->create({s}, id);
    end();
    if (!std::holds_alternative<account::subscription_reply>(r))
      throw std::runtime_error("not created: " + std::get<account::request_error>(r).detail);
    return id;
  }

  static domain::parsed_events parse(const std::string& json) {
    domain::parse_error error;
    auto parsed = domain::parse_events(json, {}, error);
    if (!parsed)
      throw std::runtime_error("bad event in the test: " + error.detail);
    return std::move(*parsed);
  }
  std::variant<account::submit_reply, account::request_error> post(const std::string& json) {
    begin();
    auto r = a->submit({parse(json).events, {}});
    end();
    return r;
  }
  /// An update of one person whose attribute gets a value of its own, so that it merges with nothing.
  void change(int record) {
    post(R"({"entity":"Contact","action":"Update","record_id":)" + std::to_string(record) +
         R"(,"changes":{"title":["a",")" + std::to_string(++value) + R"("]}})");
  }

  domain::delivery_result result(int status = 200) const {
    domain::delivery_result r;
    r.status_code = static_cast<std::uint16_t>(status);
    r.state = status == 0                     ? notification_state::failed
              : status >= 200 && status < 300 ? notification_state::delivered
                                              : notification_state::rejected;
    if (status == 0)
      r.error = domain::failure_class::connect;
    else
      r.first_byte = boot;
    r.ended = boot;
    return r;
  }
  /// The outcomes of all POSTs handed out so far.
  void answer(int status = 200) {
    auto posts = std::exchange(out, {});
    begin();
    for (const auto& p : posts)
      a->end(p.number, result(status));
    end();
  }

  notification_state state(domain::notification_number n) const {
    const auto r = a->get(n, now_stamp());
    return std::get<account::notification_reply>(r).value.state;
  }
  std::vector<std::uint64_t> numbers_out() const {
    std::vector<std::uint64_t> n;
    for (const auto& p : out)
      n.push_back(raw(p.number));
    return n;
  }
  std::vector<account::notification> log() const { return a->log({}, now_stamp()).notifications; }

  std::string key_line;
  crypto::key_ring keys;
  memory_source source;
  account::event_budget budget{256 * 1024};
  account::settings limits;
  domain::time_stamp stamp;
  domain::boot_time boot{100'000s};
  domain::wall_time wall{std::chrono::milliseconds{1'700'000'000'000}};
  std::uint64_t seq = 0, next_subscription = 0;
  int value = 0;
  int slots = 1'000'000, slots_taken = 0;
  std::vector<account::outgoing> out;
  std::unique_ptr<account::account> a;
};

} // namespace account_test
