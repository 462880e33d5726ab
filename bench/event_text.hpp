#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace carillon::bench {

/// Appends the JSON of an update of contact `number`, as a CRM would post it.
///
/// Its id, record and changed attributes hold the number, so that no two are alike and nothing merges;
/// Copper's notification of it is a body of about 400 bytes.
void append_event(std::string& out, std::uint64_t number);

/// Appends the JSON of an update of account `number` with its whole record, of about 4 KiB: 60 fields, and a
/// relation whose record is in `included`.
void append_record_event(std::string& out, std::uint64_t number);

/// The body of Copper's notification of such an event, for wrk to post: same size, same shape.
std::string sample_notification();

} // namespace carillon::bench
