// The table of JSON endpoints. A row is the whole declaration of an endpoint: method, path, request
// and answer messages, one sentence, handler. The table feeds the router and /sandbox/api.json.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/fields_json.h"
#include "sandbox/http/request.h"
#include "sandbox/http/router.h"

namespace sandbox::http {

struct ApiRow {
  std::string method;
  std::string path;  // below the prefixes, e.g. "2.0/mlflow/runs/log-metric"
  std::string about;
  bool implemented = true;
  // Write the shapes as write_schema does; most processes never ask.
  std::function<void(JsonWriter&)> write_request;
  std::function<void(JsonWriter&)> write_response;
  Handler handler;
};

class Api {
 public:
  // Every row is served below each prefix, e.g. {"/api", "/ajax-api"}.
  explicit Api(std::vector<std::string> prefixes) : prefixes_(std::move(prefixes)) {}

  // In and Out are Messages. GET reads the query string, other methods the JSON body. A {name} of
  // the path fills the field that In declares as in_path under that name.
  template <Message In, Message Out>
  void add(std::string method,
           std::string path,
           std::string about,
           std::function<Out(const In&)> handler) {
    ApiRow row{std::move(method),
               std::move(path),
               std::move(about),
               true,
               write_schema<In>,
               write_schema<Out>,
               {}};
    row.handler = [handler = std::move(handler)](Request& request) {
      return Response::json(200, to_json(handler(read<In>(request))));
    };
    rows_.push_back(std::move(row));
  }
  template <Message In, Message Out, class Function>
  void get(std::string path, std::string about, Function handler) {
    add<In, Out>("GET", std::move(path), std::move(about), std::function<Out(const In&)>(handler));
  }
  template <Message In, Message Out, class Function>
  void post(std::string path, std::string about, Function handler) {
    add<In, Out>("POST", std::move(path), std::move(about), std::function<Out(const In&)>(handler));
  }
  template <Message In, Message Out, class Function>
  void patch(std::string path, std::string about, Function handler) {
    add<In, Out>("PATCH", std::move(path), std::move(about),
                 std::function<Out(const In&)>(handler));
  }
  template <Message In, Message Out, class Function>
  void remove(std::string path, std::string about, Function handler) {  // DELETE
    add<In, Out>("DELETE", std::move(path), std::move(about),
                 std::function<Out(const In&)>(handler));
  }
  // For endpoints that also look at the request, such as who sent it.
  template <Message In, Message Out, class Function>
  void add_with_request(std::string method, std::string path, std::string about, Function handler) {
    add<In, Out>(std::move(method), std::move(path), std::move(about),
                 std::function<Out(const In&)>());
    rows_.back().handler = [handler = std::move(handler)](Request& request) {
      const In in = read<In>(request);
      return Response::json(200, to_json<Out>(handler(in, std::as_const(request))));
    };
  }
  // For endpoints that need the request itself (streams, other forms than JSON).
  void add_raw(std::string method, std::string path, std::string about, Handler handler);
  // A known endpoint this server refuses: 501 NOT_IMPLEMENTED naming it.
  void refuse(std::string method, std::string path, std::string about);

  [[nodiscard]] const std::vector<ApiRow>& rows() const { return rows_; }
  void install(Router& router) const;
  // {"endpoints": [{method, path, about, implemented, request, response}, …]}
  [[nodiscard]] std::string table_json() const;

  // The body of a JSON request, at most 64 MiB; throws Error(invalid_parameter_value) for a POST or
  // PUT with another Content-Type.
  static std::string json_body(Request& request);

 private:
  template <Message In>
  static In read(Request& request) {
    In in = request.method == "GET" || request.method == "HEAD"
                ? from_query<In>(request.query.all())
                : from_json<In>(json_body(request));
    read_path(request.path_parameters, in);
    return in;
  }

  std::vector<std::string> prefixes_;
  std::vector<ApiRow> rows_;
};

}  // namespace sandbox::http
