#include "bench/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace carillon::bench {

std::vector<std::string> arguments::values(std::string_view name) {
  const auto prefix = "--" + std::string{name} + "=";
  std::vector<std::string> found;
  for (const auto& one : given_)
    if (one.starts_with(prefix))
      found.push_back(one.substr(prefix.size()));
  std::erase_if(given_, [&](const std::string& one) { return one.starts_with(prefix); });
  return found;
}

std::optional<std::string> arguments::value(std::string_view name) {
  auto found = values(name);
  if (found.empty())
    return std::nullopt;
  return std::move(found.back());
}

double arguments::number(std::string_view name, double otherwise) {
  const auto text = value(name);
  if (!text)
    return otherwise;
  double number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size() || !(number > 0))
    throw std::invalid_argument("--" + std::string{name} + " must be a number above 0, not \"" + *text +
                                "\"");
  return number;
}

bool arguments::flag(std::string_view name) {
  return std::erase(given_, "--" + std::string{name}) > 0;
}

std::vector<std::string> arguments::words() {
  const auto first = std::stable_partition(given_.begin(), given_.end(),
                                           [](const std::string& one) { return one.starts_with("--"); });
  std::vector<std::string> found(std::make_move_iterator(first), std::make_move_iterator(given_.end()));
  given_.erase(first, given_.end());
  return found;
}

void arguments::finish() const {
  if (!given_.empty())
    throw std::invalid_argument("unknown argument \"" + given_.front() + "\"");
}

} // namespace carillon::bench
