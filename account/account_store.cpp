// Loading an account from the store and saving it back: the checkpoint that spares a start the replay of old
// log rows.
#include "account/account.hpp"

#include "account/retention.hpp"
#include "account/stored_value.hpp"
#include "account/subscription_record.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace carillon::account {

using domain::byte_reader;
using domain::byte_writer;
using domain::notification_state;
using storage::row_kind;

namespace {

constexpr std::uint8_t snapshot_version = 3;

std::string released_key(const identity& who) {
  return storage::key(who.shard, storage::row_kind::released, raw(who.id));
}

void put_boot(byte_writer& w, domain::boot_time t) {
  w.signed_number(t.time_since_epoch().count());
}
domain::boot_time get_boot(byte_reader& r) {
  return domain::boot_time{std::chrono::nanoseconds{r.signed_number()}};
}
void put_wall(byte_writer& w, domain::wall_time t) {
  w.signed_number(t.time_since_epoch().count());
}
domain::wall_time get_wall(byte_reader& r) {
  return domain::wall_time{std::chrono::milliseconds{r.signed_number()}};
}

/// A turn also saves the account when so many bytes of the log or so much time are not saved, so that a
/// restart replays little. Two megabytes of log make a checkpoint of about as much: ten milliseconds of a
/// turn, and of a commit in which others wait. Less would write ids in shorter runs, which are merged more
/// often.
constexpr std::uint64_t most_unsaved_bytes = 2 * 1024 * 1024;
constexpr std::chrono::seconds longest_unsaved{30};

} // namespace

std::uint64_t saved_seq(std::string_view snapshot) {
  const auto content = open_value(snapshot_version, snapshot);
  if (!content)
    return 0;
  byte_reader r{*content};
  decode_stamp(r);
  return r.number();
}

bool is_erased(std::string_view snapshot) {
  const auto content = open_value(snapshot_version, snapshot);
  if (!content)
    return false;
  byte_reader r{*content};
  decode_stamp(r);
  for (int counter = 0; counter < 4; ++counter)
    r.number();
  return r.u8() != 0 && r.ok();
}

storage::verdict judge_block(std::string_view block, domain::wall_time before) {
  const auto head = read_block_head(block);
  if (!head)
    return storage::verdict::keep;
  if (head->created >= before)
    return storage::verdict::keep_group;
  return head->complete && head->ended < before ? storage::verdict::erase : storage::verdict::keep;
}

storage::verdict judge_missed(std::string_view row, domain::wall_time before) {
  const auto head = read_block_head(row);
  if (!head)
    return storage::verdict::keep;
  return head->ended < before ? storage::verdict::erase : storage::verdict::keep_group;
}

std::string account::revision_key(domain::subscription_id id, std::uint32_t revision) const {
  return storage::key(who_.shard, row_kind::subscription, raw(who_.id), raw(id), revision);
}

domain::table_write account::release_row() const {
  return {released_key(who_), storage::frame_u64(who_.generation), false};
}

bool is_released(const identity& who, const source& from) {
  const auto row = from.get(released_key(who));
  return row && storage::unframe_u64(*row) == who.generation;
}

std::string account::encode_snapshot() const {
  std::string content;
  byte_writer w{content};
  domain::time_stamp stamp = life_;
  stamp.boot = context_.at.boot;
  stamp.wall = context_.at.wall;
  encode_stamp(stamp, w);
  w.number(last_seq_);
  w.number(next_number_);
  w.number(next_feed_);
  w.number(next_event_);
  w.u8(erased_ ? 1 : 0);
  history_.encode(rate_, w);
  w.number(subscriptions_.all().size());
  for (const auto& [id, s] : subscriptions_.all()) {
    w.number(id);
    w.number(s->now.revision);
    w.u8(s->erased ? 1 : 0);
    w.u8(static_cast<std::uint8_t>(s->now.status));
    w.text(s->now.status_reason);
    put_wall(w, s->now.status_since);
    w.number(s->now.consecutive_failures);
    put_wall(w, s->now.first_failure.value_or(domain::wall_time{}));
    put_boot(w, s->hold_until);
    put_boot(w, s->last_claim);
  }
  const auto& blocks = notifications_.blocks();
  w.number(static_cast<std::uint64_t>(
      std::count_if(blocks.begin(), blocks.end(), [](const auto& b) { return b.has_open(); })));
  for (const auto& b : blocks)
    if (b.has_open())
      w.number(b.index);
  ids_.encode(w);
  return storage::frame(snapshot_version, content);
}

void account::decode_snapshot(std::string_view value, const domain::time_stamp& now) {
  const auto content = open_value(snapshot_version, value);
  if (!content)
    throw std::runtime_error("account \"" + settings_.name +
                             "\": its saved state is damaged or of another format");
  byte_reader r{*content};
  const auto then = decode_stamp(r);
  last_seq_ = r.number();
  next_number_ = r.number();
  next_feed_ = r.number();
  next_event_ = r.number();
  erased_ = r.u8() != 0;
  if (!history_.decode(r, then, now, rate_))
    throw std::runtime_error("account \"" + settings_.name +
                             "\": what its rate limits remember is damaged in the store");
  for (auto left = r.number(); left > 0 && r.ok(); --left) {
    const domain::subscription_id id{r.number()};
    const auto revision = r.as<std::uint32_t>();
    const bool erased = r.u8() != 0;
    const auto record = source_.get(revision_key(id, revision));
    if (!record)
      throw std::runtime_error("account \"" + settings_.name + "\": revision " + std::to_string(revision) +
                               " of subscription " + std::to_string(raw(id)) + " is missing in the store");
    auto s = decode_subscription(*record, who_.id, keys_);
    s.status = static_cast<domain::subscription_status>(r.u8());
    s.status_reason = r.text();
    s.status_since = get_wall(r);
    s.consecutive_failures = r.as<std::uint32_t>();
    if (const auto first = get_wall(r); first != domain::wall_time{})
      s.first_failure = first;
    auto& state = subscriptions_.put(std::move(s));
    state.hold_until = domain::translate(get_boot(r), then, now);
    state.last_claim = domain::translate(get_boot(r), then, now);
    if (erased)
      subscriptions_.erase(id);
  }
  std::vector<std::uint64_t> open_blocks;
  for (auto left = r.number(); left > 0 && r.ok(); --left)
    open_blocks.push_back(r.number());
  ids_.decode(r);
  if (!r.ok())
    throw std::runtime_error("account \"" + settings_.name + "\": its saved state is cut short");
  load_open_blocks(open_blocks, now);
}

void account::load_open_blocks(const std::vector<std::uint64_t>& blocks, const domain::time_stamp& now) {
  for (const auto b : blocks) {
    const auto value = source_.get(storage::key(who_.shard, row_kind::block, raw(who_.id), b));
    bool ok = value.has_value();
    for (auto& n : ok ? decode_notifications(*value, now, ok) : std::vector<notification>{})
      if (!is_final(n.state))
        enqueue_loaded(std::move(n));
    if (!ok)
      throw std::runtime_error("account \"" + settings_.name + "\": notifications from number " +
                               std::to_string(b * block_size) + " are damaged in the store");
  }
}

/// Puts a notification that was open at the checkpoint back where it belongs.
void account::enqueue_loaded(notification n) {
  auto* s = subscriptions_.find_any(n.subscription);
  if (n.state == notification_state::pending) {
    ++pending_;
    pending_records_ += n.records.size();
    pending_bytes_ += n.bytes();
    if (s != nullptr)
      s->waiting.insert({n.due, raw(n.number)});
  } else {
    ++in_flight_;
    rate_.take(1);
    if (s != nullptr) {
      ++s->in_flight;
      n.course.make().origin = s->origin;
      ++in_flight_by_origin_[s->origin];
    }
  }
  notifications_.put(std::move(n));
}

void account::load(const domain::time_stamp& now, std::optional<std::uint64_t> tail_from) {
  life_ = now;
  saved_at_ = now.boot;
  context_.at = {now.boot, now.wall};
  if (const auto saved = source_.get(storage::key(who_.shard, row_kind::account, raw(who_.id))))
    decode_snapshot(*saved, now);
  if (tail_from) {
    const auto after = std::max(last_seq_, *tail_from - 1);
    source_.replay(who_.shard, who_.id, after,
                   [&](std::uint64_t seq, std::uint32_t offset, const domain::time_stamp& stamp,
                       std::string_view entries) {
                     context_ = {};
                     context_.live = false;
                     context_.seq = seq;
                     context_.offset = offset;
                     context_.then = stamp;
                     context_.now = now;
                     byte_reader in{entries};
                     while (const auto e = entry::next(in))
                       apply(*e);
                     if (!in.ok())
                       throw std::runtime_error("account \"" + settings_.name + "\": log row " +
                                                std::to_string(seq) + " is damaged");
                     last_seq_ = seq;
                     unsaved_bytes_ += entries.size();
                   });
  }
  event_ = {};
  // A claim of this life is under way in the delivery engine; its outcome will come.
  notifications_.each([&](const notification& n) {
    if (n.state == notification_state::claimed && n.course->claimed_life != now.life)
      overdue_claims_.push_back(n.number);
  });
}

void account::keep_claims(const std::set<std::uint64_t>& under_way) {
  overdue_claims_.clear();
  notifications_.each([&](const notification& n) {
    if (n.state == notification_state::claimed && !under_way.contains(raw(n.number)))
      overdue_claims_.push_back(n.number);
  });
}

void account::give_up_claims(const std::set<std::uint64_t>& tokens) {
  for (const auto token : tokens)
    if (const auto* n = find(domain::notification_number{token});
        n != nullptr && n->state == notification_state::claimed)
      overdue_claims_.push_back(n->number);
}

/// Between half and all of the bounds, by the account's number: accounts that are equally busy would
/// otherwise save themselves in the same commits.
bool account::wants_checkpoint() const {
  constexpr std::uint64_t parts = 256;
  const auto share = parts / 2 + (raw(who_.id) * 0x9E3779B97F4A7C15 >> 57);
  return unsaved_bytes_ >= most_unsaved_bytes * share / parts ||
         context_.at.boot - saved_at_ > longest_unsaved * share / parts;
}

/// The state as committed so far, for what changed since the last checkpoint.
std::vector<domain::table_write> account::checkpoint_tables() {
  std::vector<domain::table_write> out;
  domain::time_stamp stamp = life_;
  stamp.boot = context_.at.boot;
  stamp.wall = context_.at.wall;
  for (const auto b : dirty_blocks_)
    out.push_back({storage::key(who_.shard, row_kind::block, raw(who_.id), b),
                   encode_block(block(b, stamp).all, stamp), false});
  for (const auto& [feed, number] : recent_missed_)
    if (const auto* n = find(domain::notification_number{number}))
      out.push_back(
          {storage::key(who_.shard, row_kind::missed, raw(who_.id), feed), encode_block({n}, stamp), false});
  ids_.save(context_.at.wall - settings_.retention_idempotency, out);
  history_.save(rate_, context_.at.boot, out);
  out.push_back({storage::key(who_.shard, row_kind::account, raw(who_.id)), encode_snapshot(), false});
  const auto awake = storage::key(who_.shard, row_kind::awake, raw(who_.id));
  out.push_back({awake, "", pending_ == 0 && in_flight_ == 0});

  dirty_blocks_.clear();
  recent_missed_.clear();
  unsaved_bytes_ = 0;
  notifications_.erase_ended();
  return out;
}

} // namespace carillon::account
