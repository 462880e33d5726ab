#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace carillon::playground {

/// The playground's folder: the store and, beside it, the secrets and the inbox's certificates. A later start
/// finds there what an earlier one made. All files are readable by their owner only.
class demo_folder {
public:
  /// Makes the folder when it is missing. Throws std::runtime_error when it can't be written.
  explicit demo_folder(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }

  /// The file's content without its line feed; empty when there is none.
  std::string read(std::string_view name) const;

  /// Replaces the file as a whole. Throws std::runtime_error when it can't.
  void write(std::string_view name, std::string_view content) const;

  std::filesystem::path file(std::string_view name) const { return path_ / name; }

  /// Master key and administrator's token: made once, then kept.
  std::filesystem::path master_keys() const;
  std::filesystem::path admin_token() const;

  /// The secret that signs what the demo's Copper subscriptions get: "whsec_…".
  std::string signing_secret() const;

  /// The `signature` of its Pipeliner subscriptions: a UUID.
  std::string pipeliner_signature() const;

private:
  std::filesystem::path path_;
};

/// `text` as one word of a shell.
std::string shell_quoted(std::string_view text);

} // namespace carillon::playground
