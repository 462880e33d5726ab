#include "domain/projection.hpp"

#include "domain/included.hpp"
#include "domain/json_slices.hpp"
#include "domain/json_write.hpp"

namespace carillon::domain {

namespace {

constexpr std::string_view id_member = "id";

class projector {
public:
  projector(std::string& out, std::string_view included)
      : out_(out), start_(out.size()), included_(included) {}

  /// `expand`: the node that this value was reached by, nullptr when it is no relation to expand. `keep`:
  /// what is shown of it, nullptr for all.
  void append(std::string_view value, const path_tree* expand, const path_tree* keep) {
    if (expand == nullptr && keep == nullptr) {
      out_ += value;
      return;
    }
    switch (type_of(value)) {
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
    if ((expand == nullptr || expand->empty()) && keep == nullptr) {
      out_ += object;
      return;
    }
    out_ += '{';
    bool first = true;
    json_member member;
    for (object_reader reader{object}; reader.next(member);) {
      const auto name = member.name();
      const auto* kept = keep == nullptr ? nullptr : keep->find(name);
      if (keep != nullptr && kept == nullptr && name != id_member)
        continue;
      if (!first)
        out_ += ',';
      first = false;
      out_ += '"';
      out_ += member.key;
      out_ += "\":";
      append(member.value, expand == nullptr ? nullptr : expand->find(name),
             kept == nullptr || kept->empty() ? nullptr : kept);
    }
    out_ += '}';
  }

  void append_array(std::string_view array, const path_tree* expand, const path_tree* keep) {
    out_ += '[';
    bool first = true;
    std::string_view element;
    for (array_reader reader{array}; reader.next(element); first = false) {
      if (!first)
        out_ += ',';
      append(element, expand, keep);
    }
    out_ += ']';
  }

  void append_relation(std::string_view uri, const path_tree* expand, const path_tree* keep) {
    const bool wanted = expand != nullptr && out_.size() - start_ < max_expanded_bytes;
    const auto record = wanted ? find_included(included_, string_value(uri)) : std::string_view{};
    if (type_of(record) == json_type::object)
      append_object(record, expand, keep);
    else
      out_ += uri;
  }

  std::string& out_;
  std::size_t start_;
  std::string_view included_;
};

} // namespace

void path_tree::add(std::string_view dotted) {
  const auto dot = dotted.find('.');
  auto& child = children[std::string{dotted.substr(0, dot)}];
  if (dot != std::string_view::npos)
    child.add(dotted.substr(dot + 1));
}

const path_tree* path_tree::find(std::string_view name) const {
  const auto found = children.find(name);
  return found == children.end() ? nullptr : &found->second;
}

void append_projected(std::string& out, std::string_view record, const projection& shape,
                      std::string_view included) {
  projector{out, included}.append(record, shape.expand.empty() ? nullptr : &shape.expand,
                                  shape.keep.empty() ? nullptr : &shape.keep);
}

void append_relations(std::string& out, std::string_view record, const projection& shape,
                      std::string_view included) {
  object_writer object{out};
  for (const auto& [name, expand] : shape.expand.children) {
    const auto* kept = shape.keep.empty() ? nullptr : shape.keep.find(name);
    if (!shape.keep.empty() && kept == nullptr)
      continue;
    const auto value = find_member(record, name);
    if (value.empty()) {
      object.null(name);
      continue;
    }
    projector{object.open(name), included}.append(value, &expand,
                                                  kept == nullptr || kept->empty() ? nullptr : kept);
  }
  object.close();
}

} // namespace carillon::domain
