#include "sandbox/http/request.h"

#include <algorithm>
#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::http {
namespace {

std::string decoded(std::string_view text, bool plus_is_space) {
  if (auto plain = percent_decode(text, plus_is_space)) return *plain;
  return std::string(text);
}

}  // namespace

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string_view name, std::string value) {
  remove(name);
  add(std::string(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const auto& one) { return equal_ignoring_case(one.first, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [field, value] : fields_) {
    if (equal_ignoring_case(field, name)) return value;
  }
  return std::nullopt;
}

std::string_view Headers::get(std::string_view name, std::string_view otherwise) const {
  return find(name).value_or(otherwise);
}

Query Query::parse(std::string_view text, bool plus_is_space) {
  Query query;
  if (text.empty()) return query;
  for (const std::string& pair : split(text, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view whole = pair;
    query.add(decoded(whole.substr(0, equals), plus_is_space),
              equals == std::string::npos ? std::string()
                                          : decoded(whole.substr(equals + 1), plus_is_space));
  }
  return query;
}

void Query::add(std::string name, std::string value) {
  pairs_.emplace_back(std::move(name), std::move(value));
}

std::optional<std::string_view> Query::find(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view Query::get(std::string_view name, std::string_view otherwise) const {
  return find(name).value_or(otherwise);
}

std::string read_all(BodyReader& body, std::size_t body_bytes_max) {
  const auto refuse = [&] {
    throw Error(Code::invalid_parameter_value, "The request body is larger than " +
                                                   std::to_string(body_bytes_max) +
                                                   " bytes. Send it in smaller pieces.");
  };
  std::string out;
  if (const auto length = body.length()) {
    if (*length > body_bytes_max) refuse();
    out.reserve(static_cast<std::size_t>(*length));
  }
  std::array<char, 16 * 1024> buffer{};
  while (const std::size_t got = body.read(buffer.data(), buffer.size())) {
    if (out.size() + got > body_bytes_max) refuse();
    out.append(buffer.data(), got);
  }
  return out;
}

std::string_view Request::parameter(std::string_view name) const {
  for (const auto& [key, value] : path_parameters) {
    if (key == name) return value;
  }
  return {};
}

Response Response::text(int status, std::string body, std::string content_type) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  response.headers.add("Content-Type", std::move(content_type));
  return response;
}

Response Response::json(int status, std::string body) {
  return text(status, std::move(body), "application/json");
}

std::string_view bearer(const Request& request) {
  constexpr std::string_view scheme = "bearer ";
  const std::string_view shown = request.headers.get("authorization");
  if (!equal_ignoring_case(shown.substr(0, scheme.size()), scheme)) return {};
  return trim(shown.substr(scheme.size()));
}

}  // namespace sandbox::http
