#include "domain/text_fold.hpp"

#include "domain/json_scan.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <unicase.h>
#include <uninorm.h>

namespace carillon::domain {

namespace {

struct free_memory {
  void operator()(std::uint8_t* p) const { std::free(p); } // NOLINT: allocated by a C library
};

std::string fold_ascii(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    c = static_cast<char>(c + (c >= 'A' && c <= 'Z' ? 'a' - 'A' : 0));
  return result;
}

} // namespace

bool is_ascii(std::string_view text) {
  const char* p = text.data();
  const char* end = p + text.size();
  for (; end - p >= 8; p += 8)
    if ((json_scan::load(p) & json_scan::highs) != 0)
      return false;
  return std::all_of(p, end, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string fold_case(std::string_view text) {
  if (is_ascii(text))
    return fold_ascii(text);
  std::size_t size = 0;
  const std::unique_ptr<std::uint8_t, free_memory> folded{u8_casefold(
      reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), nullptr, UNINORM_NFC, nullptr, &size)};
  if (!folded) // no memory, or no UTF-8, which the gate excludes
    return fold_ascii(text);
  return {reinterpret_cast<const char*>(folded.get()), size};
}

} // namespace carillon::domain
