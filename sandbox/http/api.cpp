#include "sandbox/http/api.h"

#include "sandbox/base/text.h"

namespace sandbox::http {
namespace {

constexpr std::size_t json_body_bytes_max = 64UL * 1024 * 1024;

}  // namespace

void Api::add_raw(std::string method, std::string path, std::string about, Handler handler) {
  rows_.push_back({std::move(method), std::move(path), std::move(about), true, write_schema<Empty>,
                   write_schema<Empty>, std::move(handler)});
}

void Api::refuse(std::string method, std::string path, std::string about) {
  Handler handler = [name = method + " " + path, about](Request& /*request*/) -> Response {
    throw Error(Code::not_implemented,
                "'" + name + "' is not implemented by this server. " + about);
  };
  rows_.push_back({std::move(method), std::move(path), std::move(about), false, write_schema<Empty>,
                   write_schema<Empty>, std::move(handler)});
}

void Api::install(Router& router) const {
  for (const ApiRow& row : rows_) {
    for (const std::string& prefix : prefixes_) {
      router.add(row.method, prefix + "/" + row.path, row.handler);
    }
  }
}

std::string Api::table_json() const {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  writer.name("endpoints");
  writer.begin_array();
  for (const ApiRow& row : rows_) {
    writer.begin_object();
    writer.name("method");
    writer.value(row.method);
    writer.name("path");
    writer.value(row.path);
    writer.name("about");
    writer.value(row.about);
    writer.name("implemented");
    writer.value(row.implemented);
    writer.name("request");
    row.write_request(writer);
    writer.name("response");
    row.write_response(writer);
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  return out;
}

std::string Api::json_body(Request& request) {
  std::string body = read_all(*request.body, json_body_bytes_max);
  // The reference looks at the type of these alone: its clients delete without one.
  if (request.method != "POST" && request.method != "PUT") return body;
  const auto type = request.headers.find("content-type");
  if (!type) {
    throw Error(Code::invalid_parameter_value, "Bad Request. Content-Type header is missing.");
  }
  if (trim(type->substr(0, type->find(';'))) != "application/json") {
    throw Error(Code::invalid_parameter_value,
                "Bad Request. Content-Type must be one of ['application/json'].");
  }
  return body;
}

}  // namespace sandbox::http
