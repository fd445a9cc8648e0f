// Method and path pattern to handler. Patterns are literal segments, {name} for one segment and
// {name...} for the rest of the path (slashes included, at least one character).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/error.h"
#include "sandbox/http/request.h"

namespace sandbox::http {

class Router {
 public:
  // How a failure is written: MLflow's JSON on the tracking port, plain text elsewhere.
  using ErrorWriter = std::function<Response(const Request&, const Error&)>;

  explicit Router(ErrorWriter write_error);
  ~Router();

  // What stands around every handler that is added afterwards: gets method, pattern and handler,
  // gives the handler that is called.
  using Wrap = std::function<Handler(std::string_view, std::string_view, Handler)>;
  void wrap_with(Wrap wrap) { wrap_ = std::move(wrap); }

  // A literal segment wins over {name}, which wins over {name...}. Registering the same method and
  // pattern twice is a broken invariant (assert).
  void add(std::string_view method, std::string_view pattern, Handler handler);
  // For paths no pattern matches (404) — the default answers what MLflow's server answers.
  void otherwise(Handler handler);

  // Finds and runs the handler. The one try/catch: an Error is written by the ErrorWriter, anything
  // else is logged with the request id and answered INTERNAL_ERROR with that id only. HEAD falls
  // back to GET. A known path with another method answers 405 with Allow.
  Response handle(Request& request) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
  ErrorWriter write_error_;
  Handler otherwise_;
  Wrap wrap_;
};

// {"error_code": …, "message": …}, MLflow's form.
Response json_error(const Request& request, const Error& error);

}  // namespace sandbox::http
