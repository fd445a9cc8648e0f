#include "sandbox/http/router.h"

#include <cassert>
#include <exception>
#include <map>
#include <optional>

#include "sandbox/base/fields_json.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"

namespace sandbox::http {

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> variable;  // {name}
  std::unique_ptr<Node> rest;      // {name...}
  struct Target {
    Handler handler;
    std::vector<std::string> names;
  };
  std::map<std::string, Target, std::less<>> methods;

  // The deepest node the path ends in; `values` are what its variables matched.
  const Node* match(std::string_view path, std::vector<std::string>& values) const {
    if (path.empty()) return methods.empty() ? nullptr : this;
    path.remove_prefix(1);  // the '/'
    const std::size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    const std::string_view after = end == std::string_view::npos ? "" : path.substr(end);
    if (const auto found = literals.find(segment); found != literals.end()) {
      if (const Node* node = found->second->match(after, values)) return node;
    }
    if (variable && !segment.empty()) {
      values.emplace_back(segment);
      if (const Node* node = variable->match(after, values)) return node;
      values.pop_back();
    }
    if (rest && !path.empty()) {
      values.emplace_back(path);
      return rest.get();
    }
    return nullptr;
  }
};

namespace {

constexpr const char* not_found_page =
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
    "<p>The requested URL was not found on the server. If you entered the URL manually please "
    "check "
    "your spelling and try again.</p>\n";
constexpr const char* method_not_allowed_page =
    "<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n"
    "<h1>Method Not Allowed</h1>\n<p>The method is not allowed for the requested URL.</p>\n";

}  // namespace

Router::Router(ErrorWriter write_error)
    : root_(std::make_unique<Node>()), write_error_(std::move(write_error)) {}

Router::~Router() = default;

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
  assert(!pattern.empty() && pattern.front() == '/');
  if (wrap_) handler = wrap_(method, pattern, std::move(handler));
  Node* node = root_.get();
  std::vector<std::string> names;
  for (const std::string& segment : split(pattern.substr(1), '/')) {
    std::unique_ptr<Node>* next = nullptr;
    if (segment.size() > 5 && segment.front() == '{' && segment.ends_with("...}")) {
      names.push_back(segment.substr(1, segment.size() - 5));
      next = &node->rest;
    } else if (segment.size() > 2 && segment.front() == '{' && segment.back() == '}') {
      names.push_back(segment.substr(1, segment.size() - 2));
      next = &node->variable;
    } else {
      next = &node->literals[segment];
    }
    if (!*next) *next = std::make_unique<Node>();
    node = next->get();
  }
  [[maybe_unused]] const bool fresh =
      node->methods.emplace(method, Node::Target{std::move(handler), std::move(names)}).second;
  assert(fresh);
}

void Router::otherwise(Handler handler) {
  otherwise_ = std::move(handler);
}

Response Router::handle(Request& request) const {
  try {
    std::vector<std::string> values;
    const Node* node = request.path.empty() || request.path.front() != '/'
                           ? nullptr
                           : root_->match(request.path, values);
    if (node == nullptr) {
      return otherwise_ ? otherwise_(request) : Response::text(404, not_found_page, "text/html");
    }
    auto found = node->methods.find(request.method);
    if (found == node->methods.end() && request.method == "HEAD") found = node->methods.find("GET");
    if (found == node->methods.end()) {
      std::vector<std::string> allowed;
      for (const auto& [method, target] : node->methods) allowed.push_back(method);
      Response response = request.method == "OPTIONS"
                              ? Response::text(204, "")
                              : Response::text(405, method_not_allowed_page, "text/html");
      response.headers.add("Allow", join(allowed, ", "));
      return response;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      request.path_parameters.emplace_back(found->second.names[i], std::move(values[i]));
    }
    return found->second.handler(request);
  } catch (const Error& failure) {
    return write_error_(request, failure);
  } catch (const std::exception& failure) {
    log::error("request failed", {{"request_id", request.id}, {"reason", failure.what()}});
    return write_error_(
        request, Error(Code::internal_error,
                       "The server failed to answer. Its log has the cause under request id " +
                           request.id + "."));
  }
}

Response json_error(const Request& /*request*/, const Error& error) {
  std::string body;
  JsonWriter writer(body);
  writer.begin_object();
  writer.name("error_code");
  writer.value(wire_name(error.code()));
  writer.name("message");
  writer.value(error.message());
  writer.name("sqlstate");
  writer.value(sqlstate(error.code()));
  writer.name("error_class");
  writer.value(error_class(error.code()));
  writer.end_object();
  return Response::json(http_status(error.code()), std::move(body));
}

}  // namespace sandbox::http
