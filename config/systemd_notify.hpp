#pragma once

#include <string_view>

/// Tells systemd how the service is doing (sd_notify(3)), over the socket that NOTIFY_SOCKET names.
///
/// Each returns true when the message was handed over, false when no service manager listens (the usual case
/// outside of systemd) or it could not be sent; neither matters to the service. They never block.
namespace carillon::config {

/// The start, or a reload, is complete. `status` is one line for `systemctl status`.
bool notify_ready(std::string_view status);

/// A reload began; follow it with `notify_ready`.
bool notify_reloading();

bool notify_stopping();

bool notify_status(std::string_view status);

} // namespace carillon::config
