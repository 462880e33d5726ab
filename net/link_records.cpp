#include "net/link_records.hpp"

#include <algorithm>
#include <utility>

namespace carillon::net {

void append_record_header(std::string& out, link_record kind, std::size_t bytes) {
  out.push_back(static_cast<char>(kind));
  for (const unsigned shift : {16U, 8U, 0U})
    out.push_back(static_cast<char>(bytes >> shift));
}

/// False for what begins no record.
bool link_reader::read_header() {
  const auto byte = [this](std::size_t at) { return static_cast<std::uint8_t>(header_[at]); };
  kind_ = static_cast<link_record>(byte(0));
  left_ = std::size_t{byte(1)} << 16 | std::size_t{byte(2)} << 8 | byte(3);
  return kind_ >= link_record::tunnel && kind_ <= link_record::last && left_ <= link_record_limit;
}

link_reader::piece link_reader::next() {
  for (;;) {
    if (header_bytes_ < link_record_header) {
      const auto got = std::min(link_record_header - header_bytes_, rest_.size());
      std::copy_n(rest_.begin(), got, header_ + header_bytes_);
      header_bytes_ += got;
      rest_.remove_prefix(got);
      if (header_bytes_ < link_record_header)
        return nothing{};
      if (!read_header())
        return nonsense{};
    }
    const auto bytes = rest_.substr(0, left_);
    rest_.remove_prefix(bytes.size());
    left_ -= bytes.size();
    const bool whole = left_ == 0;
    if (whole)
      header_bytes_ = 0;
    if (kind_ == link_record::tunnel) {
      if (!bytes.empty())
        return bytes;
    } else {
      if (bytes.size() > link_message_limit - message_.size())
        return nonsense{};
      message_.append(bytes);
      if (whole && kind_ == link_record::last)
        return std::exchange(message_, {});
    }
    if (!whole)
      return nothing{};
  }
}

bool link_outbox::put(std::string message) {
  const std::lock_guard lock{guard_};
  if (message.size() > link_message_limit || (!messages_.empty() && bytes_ + message.size() > limit))
    return false;
  bytes_ += message.size();
  messages_.push_back(std::move(message));
  return true;
}

void link_outbox::put_tunnel(std::string_view bytes) {
  const std::lock_guard lock{guard_};
  tunnel_.assign(bytes);
}

bool link_outbox::wants_tunnel() const {
  const std::lock_guard lock{guard_};
  return tunnel_.empty();
}

bool link_outbox::empty() const {
  const std::lock_guard lock{guard_};
  return tunnel_.empty() && messages_.empty();
}

void link_outbox::take(std::string& out, std::size_t bytes) {
  const std::lock_guard lock{guard_};
  if (!tunnel_.empty()) {
    append_record_header(out, link_record::tunnel, tunnel_.size());
    out.append(tunnel_);
    tunnel_.clear();
  }
  for (const auto until = out.size() + bytes; !messages_.empty() && out.size() < until;) {
    const auto rest = std::string_view{messages_.front()}.substr(sent_);
    const auto now = rest.substr(0, link_record_limit);
    const bool last = now.size() == rest.size();
    append_record_header(out, last ? link_record::last : link_record::part, now.size());
    out.append(now);
    bytes_ -= now.size();
    sent_ += now.size();
    if (last) {
      messages_.pop_front();
      sent_ = 0;
    }
  }
}

} // namespace carillon::net
