#include <memory>

#include "sandbox/base/error.h"
#include "sandbox/graphql/answers.h"
#include "sandbox/graphql/api.h"
#include "sandbox/graphql/execute.h"
#include "sandbox/graphql/mlflow_schema.h"
#include "sandbox/http/api.h"

namespace sandbox::graphql {
namespace {

constexpr std::size_t query_bytes_max = 256UL * 1024;

struct QueryBody {
  std::string query;
  std::string operation_name;
  JsonText variables;
  static constexpr auto fields() {
    return std::tuple{required("query", &QueryBody::query),
                      field("operation_name", &QueryBody::operation_name),
                      field("variables", &QueryBody::variables)};
  }
};

QueryBody body_of(http::Request& request) {
  // The reference reads a body from a GET, too; a query string is what GraphQL clients send.
  if (request.query.has("query")) {
    QueryBody body;
    body.query = request.query.get("query");
    body.operation_name = request.query.get("operationName");
    body.variables.json = request.query.get("variables");
    return body;
  }
  return from_json<QueryBody>(http::Api::json_body(request));
}

http::Response handle(const Schema& schema, const Nouns& nouns, http::Request& request) {
  const QueryBody body = body_of(request);
  if (body.query.size() > query_bytes_max) {
    throw Error(Code::invalid_parameter_value,
                "The query is longer than " + std::to_string(query_bytes_max) + " bytes.");
  }
  const JsonDocument variables(body.variables.json.empty() ? "{}" : body.variables.json);
  Answers answers(nouns);
  return http::Response::json(
      200, answer(schema, {body.query, body.operation_name, variables.root()},
                  [&](std::string_view field, const JsonView& parent, const JsonView& arguments) {
                    return answers.resolve(field, parent, arguments);
                  }));
}

}  // namespace

void install_graphql(http::Router& router, const Nouns& nouns) {
  // Shared by the two handlers, which the router copies.
  const auto schema = std::make_shared<const Schema>(mlflow_schema);
  const http::Handler handler = [schema, nouns](http::Request& request) {
    return handle(*schema, nouns, request);
  };
  router.add("GET", "/graphql", handler);
  router.add("POST", "/graphql", handler);
}

}  // namespace sandbox::graphql
