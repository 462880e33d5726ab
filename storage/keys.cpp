#include "storage/keys.hpp"

namespace carillon::storage {

namespace {

template <class T>
void append_be(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T) * 8) - 8; shift >= 0; shift -= 8)
    out += static_cast<char>((value >> shift) & 0xFF);
}

} // namespace

std::string key(domain::shard_id shard, row_kind kind) {
  std::string result;
  result.reserve(40);
  append_be(result, domain::raw(shard));
  result += static_cast<char>(kind);
  return result;
}

std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a) {
  auto result = key(shard, kind);
  append_be(result, a);
  return result;
}

std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::uint64_t b) {
  auto result = key(shard, kind, a);
  append_be(result, b);
  return result;
}

std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::uint64_t b, std::uint32_t c) {
  auto result = key(shard, kind, a, b);
  append_be(result, c);
  return result;
}

std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::uint64_t b,
                std::string_view tail) {
  auto result = key(shard, kind, a, b);
  result += tail;
  return result;
}

std::string key(domain::shard_id shard, row_kind kind, std::string_view tail) {
  auto result = key(shard, kind);
  result += tail;
  return result;
}

std::string key(domain::shard_id shard, row_kind kind, std::uint64_t a, std::string_view tail) {
  auto result = key(shard, kind, a);
  result += tail;
  return result;
}

std::string key_after_prefix(std::string_view prefix) {
  std::string result{prefix};
  while (!result.empty() && static_cast<unsigned char>(result.back()) == 0xFF)
    result.pop_back();
  if (!result.empty())
    result.back() = static_cast<char>(static_cast<unsigned char>(result.back()) + 1);
  return result;
}

std::optional<std::uint64_t> number_in_key(std::string_view key, std::size_t offset) noexcept {
  if (key.size() < offset + sizeof(std::uint64_t))
    return std::nullopt;
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < sizeof result; ++i)
    result = (result << 8) | static_cast<unsigned char>(key[offset + i]);
  return result;
}

} // namespace carillon::storage
