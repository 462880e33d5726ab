#include "storage/store_header.hpp"

#include "crypto/hash.hpp"
#include "storage/keys.hpp"
#include "storage/little_endian.hpp"

#include <algorithm>

namespace carillon::storage {

namespace {

constexpr std::string_view magic = "CARILLON";
constexpr std::size_t uuid_size = 36;
constexpr std::size_t format_at = magic.size();
constexpr std::size_t crc_at = format_at + 4;
constexpr std::size_t fields_at = crc_at + 4;
constexpr std::size_t header_size = fields_at + uuid_size + 16 + 2 + 4 + 1 + 4 + 8;

std::uint32_t checksum(std::string_view value) noexcept {
  return crypto::crc32c(value.substr(fields_at), crypto::crc32c(value.substr(0, crc_at)));
}

} // namespace

std::string header_key() {
  return key(domain::system_shard, row_kind::header);
}

std::string encode_header(const store_header& header) {
  const auto& id = header.identity;
  std::string value(header_size, '\0');
  char* out = std::copy(magic.begin(), magic.end(), value.data());
  put_le(out, header.format);
  out = value.data() + fields_at;
  std::copy_n(id.uuid.data(), std::min(id.uuid.size(), uuid_size), out);
  out = std::copy(id.hash_key.begin(), id.hash_key.end(), out + uuid_size);
  out = put_le(out, id.shards);
  out = put_le(out, id.generation);
  out = put_le(out, static_cast<std::uint8_t>(id.held));
  out = put_le(out, header.life);
  put_le(out, static_cast<std::int64_t>(header.created.time_since_epoch().count()));
  put_le(value.data() + crc_at, checksum(value));
  return value;
}

store_header decode_header(std::string_view value, const std::string& directory) {
  if (value.size() < fields_at || value.substr(0, magic.size()) != magic)
    throw store_error{"the store " + directory +
                      " is damaged: its header row is not Carillon's; restore a backup"};
  store_header header;
  header.format = get_le<std::uint32_t>(value.data() + format_at);
  if (header.format > store_format)
    throw store_error{"the store " + directory + " was written by a newer Carillon (format " +
                      std::to_string(header.format) + ", this one reads " + std::to_string(store_format) +
                      "); install that version, or restore a backup of this one"};
  if (value.size() != header_size || get_le<std::uint32_t>(value.data() + crc_at) != checksum(value))
    throw store_error{"the store " + directory +
                      " is damaged: its header's checksum is wrong; restore a backup"};
  if (header.format < earliest_store_format)
    throw store_error{"the store " + directory + " was written by an earlier Carillon (format " +
                      std::to_string(header.format) + ", this one reads " + std::to_string(store_format) +
                      "), from before the first release; start with an empty directory"};
  auto& id = header.identity;
  const char* in = value.data() + fields_at;
  id.uuid.assign(in, uuid_size);
  in += uuid_size;
  for (auto& byte : id.hash_key)
    byte = static_cast<std::uint8_t>(*in++);
  id.shards = get_le<std::uint16_t>(in);
  in += sizeof id.shards;
  id.generation = get_le<std::uint32_t>(in);
  in += sizeof id.generation;
  id.held = *in++ != 0;
  header.life = get_le<std::uint32_t>(in);
  in += sizeof header.life;
  header.created = domain::wall_time{std::chrono::milliseconds{get_le<std::int64_t>(in)}};
  if (id.shards == 0)
    throw store_error{"the store " + directory + " is damaged: its header says 0 shards; restore a backup"};
  return header;
}

} // namespace carillon::storage
