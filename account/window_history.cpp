#include "account/window_history.hpp"

#include "account/stored_value.hpp"
#include "storage/framed_value.hpp"
#include "storage/keys.hpp"

#include <algorithm>

namespace carillon::account {

using domain::byte_reader;
using domain::byte_writer;
using domain::rate_limit;

namespace {

constexpr std::uint8_t piece_version = 1;

void put_buckets(byte_writer& w, const std::vector<rate_limit::bucket>& buckets, std::size_t from,
                 std::size_t to) {
  w.number(to - from);
  std::int64_t last = 0;
  for (auto i = from; i < to; ++i) {
    w.signed_number(buckets[i].at_ms - last);
    w.number(buckets[i].count);
    last = buckets[i].at_ms;
  }
}

std::vector<rate_limit::bucket> get_buckets(byte_reader& r) {
  std::vector<rate_limit::bucket> out;
  std::int64_t at_ms = 0;
  for (auto left = r.number(); left > 0 && r.ok(); --left) {
    at_ms += r.signed_number();
    out.push_back({at_ms, r.as<std::uint32_t>()});
  }
  return out;
}

} // namespace

std::string encode_piece(const std::vector<rate_limit::bucket>& buckets, std::size_t from, std::size_t to) {
  std::string content;
  byte_writer w{content};
  put_buckets(w, buckets, from, to);
  return storage::frame(piece_version, content);
}

std::optional<std::vector<rate_limit::bucket>> decode_piece(std::string_view value) {
  const auto content = open_value(piece_version, value);
  if (!content)
    return std::nullopt;
  byte_reader r{*content};
  auto buckets = get_buckets(r);
  if (!r.ok() || !r.at_end() || buckets.empty())
    return std::nullopt;
  return buckets;
}

window_history::window_history(const source& from, domain::shard_id shard, domain::account_id account)
    : source_{from}, shard_{shard}, account_{account} {}

std::string window_history::piece_key(std::uint64_t number) const {
  return storage::key(shard_, storage::row_kind::window, raw(account_), number);
}

void window_history::save(rate_limit& rate, domain::boot_time now, std::vector<domain::table_write>& out) {
  rate.advance(now);
  const auto now_ms = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const auto past_ms = now_ms - std::chrono::milliseconds{rate.longest()}.count();
  const auto counts = std::find_if(newest_.begin(), newest_.end(),
                                   [past_ms](std::int64_t newest) { return newest > past_ms; });
  first_ += static_cast<std::uint64_t>(counts - newest_.begin());
  newest_.erase(newest_.begin(), counts);
  for (std::size_t left = erases_per_checkpoint; left > 0 && erased_before_ < first_; --left)
    out.push_back({piece_key(erased_before_++), {}, true});

  const auto unsaved = rate.unsaved();
  std::size_t saved = 0;
  for (; unsaved.size() - saved >= piece_size; saved += piece_size) {
    const auto to = saved + piece_size;
    out.push_back({piece_key(first_ + newest_.size()), encode_piece(unsaved, saved, to), false});
    newest_.push_back(unsaved[to - 1].at_ms);
  }
  rate.saved(saved);
}

void window_history::encode(const rate_limit& rate, byte_writer& out) const {
  out.number(erased_before_);
  out.number(first_);
  out.number(newest_.size());
  const auto unsaved = rate.unsaved();
  put_buckets(out, unsaved, 0, unsaved.size());
}

bool window_history::decode(byte_reader& in, const domain::time_stamp& then, const domain::time_stamp& now,
                            rate_limit& rate) {
  erased_before_ = in.number();
  first_ = in.number();
  const auto pieces = in.number();
  const bool same_boot = then.boot_id == now.boot_id;
  const auto remember = [&](const rate_limit::bucket& b, rate_limit::keeping as) {
    const auto first_byte =
        domain::translate(domain::boot_time{std::chrono::milliseconds{b.at_ms}}, then, now);
    rate.remember(std::min(first_byte, now.boot), b.count, as);
  };
  for (std::uint64_t i = 0; i < pieces && in.ok(); ++i) {
    const auto value = source_.get(piece_key(first_ + i));
    const auto buckets = value ? decode_piece(*value) : std::nullopt;
    if (!buckets)
      return false;
    for (const auto& b : *buckets)
      remember(b, same_boot ? rate_limit::keeping::saved : rate_limit::keeping::unsaved);
    newest_.push_back(buckets->back().at_ms);
  }
  for (const auto& b : get_buckets(in))
    remember(b, rate_limit::keeping::unsaved);
  if (!same_boot) {
    // Their times mean nothing in this boot: the next checkpoint writes them anew.
    first_ += newest_.size();
    newest_.clear();
  }
  return true;
}

} // namespace carillon::account
