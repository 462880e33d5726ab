#include "domain/projection.hpp"

#include "domain/event_lookups.hpp"
#include "domain/included.hpp"
#include "domain/json_slices.hpp"
#include "domain/json_write.hpp"

#include <utility>

namespace carillon::domain {

namespace {

constexpr std::string_view id_member = "id";

class projector {
public:
  projector(std::string& out, const event& e, expansion_budget& budget)
      : out_(out), event_(e), budget_(budget) {}

  /// `expand`: the node that this value was reached by, nullptr when it is no relation to expand. `keep`:
  /// what is shown of it, nullptr for all.
  void append(std::string_view value, const path_tree* expand, const path_tree* keep) {
    switch (expand == nullptr && keep == nullptr ? json_type::none : type_of(value)) {
    case json_type::object:
      append_object(value, expand, keep);
      break;
    case json_type::array:
      append_array(value, expand, keep);
      break;
    case json_type::string:
      append_relation(value, expand, keep);
      break;
    default:
      out_ += value;
    }
  }

private:
  void append_object(std::string_view object, const path_tree* expand, const path_tree* keep) {
    if (keep != nullptr)
      append_kept(object, expand, *keep);
    else if (expand == nullptr || expand->empty())
      out_ += object;
    else
      append_expanded(object, *expand);
  }

  /// All members, as they came but for relations that are expanded.
  void append_expanded(std::string_view object, const path_tree& expand) {
    const char* from = object.data();
    json_member member;
    for (object_reader reader{object}; reader.next(member);)
      if (const auto* inner = expand.find(member.name())) {
        out_.append(from, member.value.data());
        append(member.value, inner, nullptr);
        from = member.value.data() + member.value.size();
      }
    out_.append(from, object.data() + object.size());
  }

  void append_kept(std::string_view object, const path_tree* expand, const path_tree& keep) {
    out_ += '{';
    bool first = true;
    json_member member;
    for (object_reader reader{object}; reader.next(member);) {
      const auto name = member.name();
      const auto* kept = keep.find(name);
      if (kept == nullptr && name != id_member)
        continue;
      if (!std::exchange(first, false))
        out_ += ',';
      out_.append(1, '"').append(member.key).append("\":");
      append(member.value, expand == nullptr ? nullptr : expand->find(name),
             kept == nullptr || kept->named ? nullptr : kept);
    }
    out_ += '}';
  }

  /// The elements of the array and of those in it; what stands between them stays.
  void append_array(std::string_view array, const path_tree* expand, const path_tree* keep) {
    const char* from = array.data();
    std::string_view element;
    for (leaf_reader reader{array}; reader.next(element);) {
      out_.append(from, element.data());
      append(element, expand, keep);
      from = element.data() + element.size();
    }
    out_.append(from, array.data() + array.size());
  }

  void append_relation(std::string_view uri, const path_tree* expand, const path_tree* keep) {
    const auto record = expand == nullptr ? std::string_view{}
                                          : find_included(event_.lookups().included(), string_value(uri));
    if (type_of(record) == json_type::object && budget_.take(record.size()))
      append_object(record, expand, keep);
    else
      out_ += uri;
  }

  std::string& out_;
  const event& event_;
  expansion_budget& budget_;
};

} // namespace

void path_tree::add(std::string_view dotted) {
  const auto dot = dotted.find('.');
  auto& child = children[std::string{dotted.substr(0, dot)}];
  if (dot != std::string_view::npos)
    child.add(dotted.substr(dot + 1));
  else
    child.named = true;
}

const path_tree* path_tree::find(std::string_view name) const {
  const auto found = children.find(name);
  return found == children.end() ? nullptr : &found->second;
}

void append_projected(std::string& out, std::string_view record, const projection& shape, const event& e,
                      expansion_budget& budget) {
  projector{out, e, budget}.append(record, shape.expand.empty() ? nullptr : &shape.expand,
                                   shape.keep.empty() ? nullptr : &shape.keep);
}

void append_relations(std::string& out, const projection& shape, const event& e, expansion_budget& budget) {
  object_writer object{out};
  for (const auto& [name, expand] : shape.expand.children) {
    const auto* kept = shape.keep.empty() ? nullptr : shape.keep.find(name);
    if (!shape.keep.empty() && kept == nullptr)
      continue;
    const auto value = e.lookups().record().find(name);
    if (value.empty()) {
      object.null(name);
      continue;
    }
    projector{object.open(name), e, budget}.append(value, &expand,
                                                   kept == nullptr || kept->named ? nullptr : kept);
  }
  object.close();
}

} // namespace carillon::domain
