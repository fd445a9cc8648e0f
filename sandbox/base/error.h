// Failures a caller is told about. One exception type carries one of the tracking API's error
// codes; base/error.cpp is the only table from a code to its wire name and HTTP status.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace sandbox {

enum class Code {
  bad_request,
  invalid_parameter_value,
  resource_already_exists,
  unauthenticated,
  permission_denied,
  resource_does_not_exist,
  not_found,
  endpoint_not_found,
  feature_disabled,
  resource_conflict,
  request_limit_exceeded,
  resource_exhausted,
  internal_error,
  invalid_state,
  not_implemented,
  temporarily_unavailable,
};

// The name clients see in "error_code", e.g. "RESOURCE_DOES_NOT_EXIST" (MLflow's databricks.proto).
std::string_view wire_name(Code code);

// What MLflow since 3.12 sends beside it as "error_class" and "sqlstate"; clients ignore both.
std::string_view error_class(Code code);
std::string_view sqlstate(Code code);

// The HTTP status MLflow's server answers for this code (RESOURCE_ALREADY_EXISTS is 400 there).
int http_status(Code code);

// Ends a request (or a command) with a sentence for the person at the other end. The message says
// what happened, to what, and what to do next; it never holds a secret.
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message)
      : std::runtime_error(message), code_(code), message_(message) {}
  [[nodiscard]] Code code() const { return code_; }
  // All of the sentence; what() ends at a NUL that a client may have sent.
  [[nodiscard]] const std::string& message() const { return message_; }

 private:
  Code code_;
  std::string message_;
};

}  // namespace sandbox
