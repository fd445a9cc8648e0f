#include "sandbox/auth/gate.h"

#include "sandbox/auth/rules.h"
#include "sandbox/base/error.h"
#include "sandbox/base/log.h"

namespace sandbox::auth {
namespace {

// The reference serves spans, uploads and downloads by another framework than the rest, which calls
// the same sentences plain text.
std::string refusal_type(const http::Request& request) {
  const bool is_file = request.path.find("/mlflow-artifacts/artifacts/") != std::string::npos &&
                       request.method != "DELETE";
  return is_file || request.path == "/v1/traces" ? "text/plain; charset=utf-8"
                                                 : "text/html; charset=utf-8";
}

http::Response not_authenticated(const http::Request& request) {
  auto response = http::Response::text(
      401,
      "You are not authenticated. Please see "
      "https://www.mlflow.org/docs/latest/auth/index.html#authenticating-to-mlflow on how to "
      "authenticate.",
      refusal_type(request));
  response.headers.set("WWW-Authenticate", "Basic realm=\"mlflow\"");
  return response;
}

http::Response too_many_failures(std::int64_t seconds) {
  auto response =
      http::Response::text(429, "Too many failed logins from this address. Try again in " +
                                    std::to_string(seconds) + " seconds.\n");
  response.headers.set("Retry-After", std::to_string(seconds));
  return response;
}

http::Response denied(const http::Request& request) {
  return http::Response::text(403, "Permission denied", refusal_type(request));
}

bool is_open(const http::Request& request) {
  const Rule* rule = find_rule("GET", request.path);
  return rule != nullptr && rule->check == nullptr;
}

}  // namespace

Gate::Gate(Env& env, db::Database& tracking, db::Database& users, GateOptions options)
    : accounts_(env, users),
      callers_(env, accounts_, options.default_permission, std::move(options.is_local)),
      world_{accounts_, callers_, Resources(tracking), std::move(options.plain_artifact_path)} {}

http::Response Gate::admit(http::Request& request, const http::Handler& next) {
  // A preflight carries no credentials by the rules of browsers; it asks for nothing either.
  if (request.method == "OPTIONS" || is_open(request)) return next(request);
  const Login login =
      callers_.authenticate(request.headers.get("authorization"), request.remote_address);
  if (login.wait_seconds > 0) return too_many_failures(login.wait_seconds);
  if (!login.caller) {
    if (login.was_given) {
      log::warning("failed login", {{"id", request.id},
                                    {"user", login.claimed.substr(0, 100)},
                                    {"from", request.remote_address}});
    }
    return not_authenticated(request);
  }
  request.user = login.caller->user.name;
  return next(request);
}

http::Handler Gate::protect(std::string_view method,
                            std::string_view pattern,
                            http::Handler endpoint) {
  static constexpr Rule administrators_only{"*", "", check::nobody};
  const Rule* const found = find_rule(method, pattern);
  const Rule* const rule = found != nullptr ? found : &administrators_only;
  if (rule->check == nullptr) return endpoint;
  return [this, rule, endpoint = std::move(endpoint)](http::Request& request) {
    const CallerPointer caller = callers_.named(request.user);
    if (!caller) return not_authenticated(request);
    const bool is_admin = caller->user.is_admin;
    if (is_admin && rule->effect == nullptr) return endpoint(request);
    Question question(world_, request, *caller);
    if (!is_admin && !rule->check(question, rule->action)) {
      auto refusal = rule->refusal != nullptr ? rule->refusal(question) : std::nullopt;
      return refusal ? std::move(*refusal) : denied(request);
    }
    // The endpoint is going to read the body, which is looked at again afterwards.
    if (rule->effect != nullptr || rule->filter != nullptr) (void)question.body();
    http::Response response = endpoint(request);
    if (response.status >= 400) return response;
    if (!is_admin && rule->filter != nullptr) rule->filter(question, endpoint, response);
    if (rule->effect != nullptr) rule->effect(question, endpoint, response);
    return response;
  };
}

void make_first_administrator(Accounts& accounts,
                              const std::string& name,
                              const std::string& password) {
  const auto found = accounts.find_user(name);
  if (found) return;
  if (password.empty()) {
    throw Error(Code::invalid_parameter_value,
                "There is no user '" + name +
                    "' yet, and no password to make one: there is no usual password. Type it once "
                    "into the environment, with at least 12 characters: "
                    "MLFLOW_AUTH_ADMIN_PASSWORD='…' (and MLFLOW_AUTH_ADMIN_USERNAME, where it is "
                    "not 'admin'), or give --admin-password.");
  }
  if (password == "password1234") {
    throw Error(Code::invalid_parameter_value,
                "'password1234' is the password MLflow used to ship and everybody knows. Set "
                "MLFLOW_AUTH_ADMIN_PASSWORD to another one.");
  }
  try {
    check_password(password);
  } catch (const Error& failure) {
    throw Error(Code::invalid_parameter_value,
                "The password for the administrator '" + name + "' cannot be used: " +
                    failure.message() + " Set MLFLOW_AUTH_ADMIN_PASSWORD to a longer one.");
  }
  accounts.create_user(name, password, true);
}

}  // namespace sandbox::auth
