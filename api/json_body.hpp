#pragma once

#include "domain/event.hpp"
#include "domain/json_slices.hpp"
#include "domain/time.hpp"
#include "net/http_message.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Reading the bodies of requests strictly: every member that is not known, missing or not of its type is
/// named.
namespace carillon::api {

/// Throws `refusal` 415 unless the Content-Type is application/json (in UTF-8).
void require_json(const net::http_request& request);

/// Throws `refusal` 400 unless the text is JSON that passes the gate; returns it without white space around.
std::string_view require_valid(std::string_view body);

/// One JSON object of a request, read member by member; what is wrong is collected. Views point into the
/// text.
class object_body {
public:
  using faults = std::vector<domain::field_error>;

  /// `object` passed the gate; anything but an object is a fault. `pointer` is its place: "#" for the body.
  object_body(std::string_view object, std::string pointer, faults& errors);

  /// Whether the member is there and not null.
  bool has(std::string_view name);
  /// Whether it is there and null.
  bool is_null(std::string_view name);

  /// Each takes one member; nothing when it is missing, null, or faulty (which is noted).
  std::optional<std::string> text(std::string_view name, std::size_t least, std::size_t most);
  std::optional<std::uint64_t> number(std::string_view name, std::uint64_t least, std::uint64_t most);
  std::optional<domain::wall_time> time(std::string_view name);
  std::optional<std::vector<std::string>> texts(std::string_view name, std::size_t least, std::size_t most,
                                                std::size_t longest);
  /// The value's text, which must be of that type.
  std::optional<std::string_view> value(std::string_view name, domain::json_type type);
  /// One of these words.
  std::optional<std::string> word(std::string_view name, std::initializer_list<std::string_view> words);

  /// Notes that a member which must be there is not.
  void require(std::string_view name);
  void fault(std::string_view name, std::string detail);
  /// Where a member stands: "#/backlog/records".
  std::string place(std::string_view name) const;
  /// Notes all members that nobody asked for. Call it last.
  void finish();

private:
  struct member {
    std::string name;
    std::string_view value;
    bool known = false;
  };
  member* find(std::string_view name);

  std::string pointer_;
  faults& errors_;
  std::vector<member> members_;
};

/// Throws `refusal` 422 when there are any.
void throw_faults(object_body::faults& errors, std::string_view what);

} // namespace carillon::api
