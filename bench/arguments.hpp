#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace carillon::bench {

/// A command's arguments: `--name=value`, `--name`, and words. What nobody asked for is an error.
class arguments {
public:
  explicit arguments(std::vector<std::string> given) : given_(std::move(given)) {}

  /// The value of `--name=value`; the last one when it came several times.
  std::optional<std::string> value(std::string_view name);
  /// All values of `--name=value`, in order.
  std::vector<std::string> values(std::string_view name);
  /// Throws std::invalid_argument unless it is a number > 0.
  double number(std::string_view name, double otherwise);
  bool flag(std::string_view name);
  /// All that doesn't begin with "--".
  std::vector<std::string> words();
  /// Throws std::invalid_argument naming the first argument that none of the above took.
  void finish() const;

private:
  std::vector<std::string> given_;
};

} // namespace carillon::bench
