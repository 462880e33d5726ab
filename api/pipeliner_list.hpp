#pragma once

#include "domain/filter.hpp"
#include "domain/projection.hpp"
#include "net/http_message.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Pipeliner's lists: filters, order, pages in both directions, and the shape of what is shown. All
/// parameters that are not understood are refused with 400, naming the parameter: a filter that was passed
/// over would show, and let a client delete, what it didn't ask for.
namespace carillon::api {

inline constexpr std::size_t pipeliner_default_page = 30;
inline constexpr std::size_t pipeliner_most_page = 100;

/// What the parameters of one entity's lists may name.
struct pipeliner_entity_type {
  std::string_view name;                  ///< "Webhook"
  const std::vector<std::string>& fields; ///< its members at the top level
  std::vector<std::string_view> relations;
};

/// An entity that a list may show.
struct pipeliner_listed {
  std::string entity;     ///< its JSON, with an "id"
  std::uint64_t made = 0; ///< the number under which it was made, ascending; entities may share one
};

/// What is shown of an entity, from `expand`, `load-only` and `include-deleted`.
struct pipeliner_shape {
  domain::projection shape;
  bool include_deleted = false;

  /// An entity's JSON as it is to be shown. `included`: the records that relations may show, by URI.
  std::string show(std::string_view entity, std::string_view included) const;
};

/// Reads the parameters of a GET of one entity. Throws `refusal` 400.
pipeliner_shape read_pipeliner_shape(const net::http_request& request, const pipeliner_entity_type& type);

/// A list's parameters.
class pipeliner_list {
public:
  /// Throws `refusal` 400.
  pipeliner_list(const net::http_request& request, const pipeliner_entity_type& type);

  bool include_deleted() const { return shape_.include_deleted; }

  /// The answer's body: the page of those entities that pass the filter. What is equal in the fields ordered
  /// by is shown in the order in which it was made: `created` doesn't tell apart what one batch made.
  /// A page that holds nothing has null cursors: clients go on until they see one.
  std::string render(std::span<const pipeliner_listed> entities, std::string_view included) const;

private:
  struct order_by {
    std::string field;
    bool descending = false;
  };
  struct row;
  struct bounds {
    std::size_t first = 0, last = 0; ///< [first, last) of the rows in order
  };
  using sort_key = std::vector<std::string>; ///< JSON of the fields ordered by, of `made`, and of the id

  void read_order(std::string_view text, const pipeliner_entity_type& type);
  void read_filter(const net::http_request& request, const pipeliner_entity_type& type);
  sort_key read_cursor(const net::http_request& request, std::string_view name) const;
  sort_key key_of(const pipeliner_listed& listed) const;
  bool before(const sort_key& a, const sort_key& b) const;
  bounds page(const std::vector<row>& rows) const;
  std::string cursor(const sort_key& key) const;

  pipeliner_shape shape_;
  std::optional<domain::filter> filter_;
  std::vector<order_by> order_;
  std::string order_text_; ///< the entity and the order, as a cursor repeats them
  std::size_t size_ = pipeliner_default_page;
  bool from_end_ = false;   ///< `last`
  sort_key after_, before_; ///< empty: not given
};

} // namespace carillon::api
