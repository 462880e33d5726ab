#include "api/forwarded_request.hpp"

#include "domain/byte_codec.hpp"

namespace carillon::api {

namespace {

using domain::byte_reader;
using domain::byte_writer;

void put_fields(byte_writer& w, const net::http_fields& fields) {
  w.number(fields.size());
  for (const auto [name, value] : fields) {
    w.text(name);
    w.text(value);
  }
}
void get_fields(byte_reader& r, net::http_fields& fields) {
  for (auto left = r.number(); left > 0 && r.ok(); --left) {
    const auto name = r.text();
    fields.add(name, r.text());
  }
}

} // namespace

std::string encode_request(const net::http_request& request, std::uint64_t catalog) {
  std::string text;
  text.reserve(request.body.size() + 1024);
  byte_writer w{text};
  w.number(catalog);
  w.text(request.method);
  w.text(request.path);
  w.number(request.query.size());
  for (const auto& [name, value] : request.query) {
    w.text(name);
    w.text(value);
  }
  put_fields(w, request.fields);
  w.text(request.remote);
  w.text(request.request_id);
  w.u8(static_cast<std::uint8_t>(request.role));
  w.text(request.body);
  return text;
}

std::optional<forwarded_request> decode_request(std::string_view text) {
  byte_reader r{text};
  forwarded_request out;
  out.catalog = r.number();
  auto& request = out.request;
  request.method = r.text();
  request.path = r.text();
  for (auto left = r.number(); left > 0 && r.ok(); --left) {
    std::string name{r.text()};
    request.query.emplace_back(std::move(name), r.text());
  }
  get_fields(r, request.fields);
  request.remote = r.text();
  request.request_id = r.text();
  request.role = static_cast<net::listener_role>(r.u8());
  request.body = r.text();
  if (!r.ok() || !r.at_end())
    return std::nullopt;
  return out;
}

std::string encode_answer(const forwarded_answer& answer) {
  std::string text;
  text.reserve(answer.response.body.size() + 512);
  byte_writer w{text};
  w.number(answer.catalog);
  w.u8(answer.moved ? 1 : 0);
  w.number(static_cast<std::uint64_t>(answer.response.status));
  put_fields(w, answer.response.fields);
  w.text(answer.response.content_type);
  w.text(answer.response.body);
  return text;
}

std::optional<forwarded_answer> decode_answer(std::string_view text) {
  byte_reader r{text};
  forwarded_answer answer;
  answer.catalog = r.number();
  answer.moved = r.u8() != 0;
  answer.response.status = r.as<int>();
  get_fields(r, answer.response.fields);
  answer.response.content_type = r.text();
  answer.response.body = r.text();
  if (!r.ok() || !r.at_end())
    return std::nullopt;
  return answer;
}

} // namespace carillon::api
