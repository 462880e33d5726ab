#include "actors/outcome_codec.hpp"

#include "account/log_entry.hpp"
#include "domain/byte_codec.hpp"

#include <utility>
#include <variant>

namespace carillon::actors {

namespace {

domain::boot_time as_age(domain::boot_time moment, domain::boot_time now) {
  return domain::boot_time{now - moment};
}
domain::boot_time from_age(domain::boot_time age, domain::boot_time now) {
  return now - age.time_since_epoch();
}

} // namespace

std::string encode_tokens(const std::vector<std::uint64_t>& tokens) {
  std::string text;
  domain::byte_writer w{text};
  w.number(tokens.size());
  for (const auto t : tokens)
    w.number(t);
  return text;
}

std::set<std::uint64_t> decode_tokens(std::string_view text) {
  domain::byte_reader r{text};
  std::set<std::uint64_t> tokens;
  for (auto left = r.number(); left > 0 && r.ok(); --left)
    tokens.insert(r.number());
  return tokens;
}

std::string encode_outcomes(const outcome_vector& outcomes, domain::boot_time now) {
  std::string text;
  for (const auto& o : outcomes) {
    account::entry::ended one{domain::notification_number{o.token}, o.result, {}};
    one.result.ended = as_age(one.result.ended, now);
    if (one.result.first_byte)
      one.result.first_byte = as_age(*one.result.first_byte, now);
    account::entry::put(one, text);
  }
  return text;
}

outcome_vector decode_outcomes(std::string_view text, domain::account_id account, domain::boot_time now) {
  outcome_vector outcomes;
  domain::byte_reader in{text};
  while (auto entry = account::entry::next(in))
    if (auto* one = std::get_if<account::entry::ended>(&*entry)) {
      one->result.ended = from_age(one->result.ended, now);
      if (one->result.first_byte)
        one->result.first_byte = from_age(*one->result.first_byte, now);
      outcomes.push_back({raw(account), raw(one->number), std::move(one->result)});
    }
  return outcomes;
}

} // namespace carillon::actors
