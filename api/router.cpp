#include "api/router.hpp"

#include <algorithm>

namespace carillon::api {

namespace {

router::segment_list split(std::string_view path) {
  router::segment_list segments;
  path.remove_prefix(std::min<std::size_t>(path.size(), 1));
  while (segments.size() <= router::most_segments) {
    const auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos)
      break;
    path.remove_prefix(slash + 1);
  }
  return segments;
}

bool is_parameter(std::string_view segment) {
  return segment.starts_with('{');
}

bool fits(const router::segment_list& pattern, const router::segment_list& segments) {
  return std::equal(pattern.begin(), pattern.end(), segments.begin(), [](auto wanted, auto given) {
    return is_parameter(wanted) ? !given.empty() : wanted == given;
  });
}

bool serves(const route& r, net::listener_role role) {
  return role != net::listener_role::open || r.on == side::both;
}

void add_method(std::string& allow, std::string_view method) {
  if (!allow.empty())
    allow += ", ";
  allow += method;
}

} // namespace

router::router(const std::vector<route>& routes) : by_length_(most_segments + 2) {
  for (const auto& r : routes) {
    auto segments = split(r.path);
    by_length_[segments.size()].push_back({r, std::move(segments)});
  }
}

router::found router::find(std::string_view method, std::string_view path, net::listener_role role) const {
  found result;
  // The dialects' clients write a slash behind paths as they like.
  if ((path.starts_with("/developer_api/") || path.starts_with("/api/")) && path.ends_with('/'))
    path.remove_suffix(1);
  const auto segments = split(path);
  const auto wanted = method == "HEAD" ? std::string_view{"GET"} : method;
  for (const auto& e : by_length_[segments.size()]) {
    if (!fits(e.segments, segments))
      continue;
    const bool here = serves(e.what, role);
    if (e.what.method == wanted && !here)
      return {};
    if (!here)
      continue;
    result.path = e.what.path;
    add_method(result.allow, e.what.method);
    if (e.what.method == "GET")
      add_method(result.allow, "HEAD");
    if (e.what.method != wanted)
      continue;
    result.hit = &e.what;
    for (std::size_t i = 0; i < segments.size(); ++i)
      if (is_parameter(e.segments[i]))
        result.values.emplace_back(segments[i]);
    return result;
  }
  if (!result.allow.empty())
    add_method(result.allow, "OPTIONS");
  return result;
}

} // namespace carillon::api
