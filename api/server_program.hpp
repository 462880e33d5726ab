#pragma once

#include "config/settings.hpp"
#include "crypto/aead.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace carillon::actors {
class node;
}

namespace carillon::api {

/// A whole node as a program runs it: store, actors, HTTP listeners and control socket. `serve` and the
/// playground stand on it. Its functions belong to one thread.
class server_program {
public:
  /// Opens the store, starts the node and binds the listeners; nothing is answered yet. Throws
  /// std::runtime_error that says what is wrong, also when nobody could administer the node. `fatal` is
  /// called, from any thread, when the process must end because the disk failed.
  server_program(std::shared_ptr<const config::settings> settings, crypto::key_ring keys,
                 std::function<void(std::string)> fatal);
  /// Stops without ceremony.
  ~server_program();
  server_program(const server_program&) = delete;
  server_program& operator=(const server_program&) = delete;

  /// Serves from now on.
  void start();

  /// Where it listens, in the order of `http.listen` and `http.admin-listen`: "http://127.0.0.1:8080".
  std::vector<std::string> urls() const;

  actors::node& node();

  /// Puts new settings in force, and reads certificates and the master key file (if there is one) again.
  /// Throws std::runtime_error, keeping the old, when they can't be used or need a restart.
  void reload(std::shared_ptr<const config::settings> settings);

  /// The orderly end: not ready, `shutdown.delay`, no new claims, what is in flight ends within
  /// `shutdown.timeout`, no more connections. True when everything ended in time.
  bool stop();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// The master keys that `auth.master-key-file` names. Throws std::runtime_error naming the key when there is
/// none.
crypto::key_ring read_master_keys(const config::settings& settings);

} // namespace carillon::api
