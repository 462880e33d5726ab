#include "domain/json_write.hpp"

namespace carillon::domain {

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  const char* plain = text.data(); // from here on nothing had to be escaped
  const char* const end = text.data() + text.size();
  for (const char* p = plain; p != end; ++p) {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte >= 0x20 && byte != '"' && byte != '\\')
      continue;
    out.append(plain, p);
    plain = p + 1;
    switch (byte) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    }
  }
  out.append(plain, end);
  out += '"';
}

object_writer::object_writer(std::string& out) : out_(out) {
  out_ += '{';
}

std::string& object_writer::open(std::string_view name) {
  if (!first_)
    out_ += ',';
  first_ = false;
  append_json_string(out_, name);
  out_ += ':';
  return out_;
}

object_writer& object_writer::raw(std::string_view name, std::string_view json) {
  open(name) += json;
  return *this;
}

object_writer& object_writer::text(std::string_view name, std::string_view value) {
  append_json_string(open(name), value);
  return *this;
}

object_writer& object_writer::number(std::string_view name, std::uint64_t value) {
  return raw(name, std::to_string(value));
}

object_writer& object_writer::boolean(std::string_view name, bool value) {
  return raw(name, value ? "true" : "false");
}

object_writer& object_writer::null(std::string_view name) {
  return raw(name, "null");
}

object_writer& object_writer::texts(std::string_view name, const std::vector<std::string>& values) {
  auto& out = open(name);
  out += '[';
  for (const auto& value : values) {
    if (&value != &values.front())
      out += ',';
    append_json_string(out, value);
  }
  out += ']';
  return *this;
}

object_writer& object_writer::pairs(std::string_view name, const string_pairs& values, bool masked) {
  object_writer inner{open(name)};
  for (const auto& [key, value] : values)
    inner.text(key, masked ? secret_mask : std::string_view{value});
  inner.close();
  return *this;
}

void object_writer::close() {
  out_ += '}';
}

} // namespace carillon::domain
