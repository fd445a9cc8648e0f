#include "sandbox/base/error.h"

#include <array>

namespace sandbox {
namespace {

struct CodeRow {
  Code code;
  std::string_view name;
  int status;
  std::string_view error_class;
};

constexpr std::array code_rows{
    CodeRow{Code::bad_request, "BAD_REQUEST", 400, "INVALID_PARAMETER_VALUE"},
    CodeRow{Code::invalid_parameter_value, "INVALID_PARAMETER_VALUE", 400,
            "INVALID_PARAMETER_VALUE"},
    CodeRow{Code::resource_already_exists, "RESOURCE_ALREADY_EXISTS", 400,
            "RESOURCE_ALREADY_EXISTS"},
    CodeRow{Code::unauthenticated, "UNAUTHENTICATED", 401, "UNAUTHENTICATED"},
    CodeRow{Code::permission_denied, "PERMISSION_DENIED", 403, "PERMISSION_DENIED"},
    CodeRow{Code::resource_does_not_exist, "RESOURCE_DOES_NOT_EXIST", 404, "RESOURCE_NOT_FOUND"},
    CodeRow{Code::not_found, "NOT_FOUND", 404, "RESOURCE_NOT_FOUND"},
    CodeRow{Code::endpoint_not_found, "ENDPOINT_NOT_FOUND", 404, "RESOURCE_NOT_FOUND"},
    CodeRow{Code::resource_conflict, "RESOURCE_CONFLICT", 409, "RESOURCE_CONFLICT"},
    CodeRow{Code::request_limit_exceeded, "REQUEST_LIMIT_EXCEEDED", 429, "RATE_LIMIT_EXCEEDED"},
    CodeRow{Code::resource_exhausted, "RESOURCE_EXHAUSTED", 429, "RATE_LIMIT_EXCEEDED"},
    CodeRow{Code::internal_error, "INTERNAL_ERROR", 500, "CLIENT_INTERNAL_ERROR"},
    CodeRow{Code::invalid_state, "INVALID_STATE", 500, "CLIENT_INTERNAL_ERROR"},
    CodeRow{Code::not_implemented, "NOT_IMPLEMENTED", 501, "CLIENT_INTERNAL_ERROR"},
    CodeRow{Code::temporarily_unavailable, "TEMPORARILY_UNAVAILABLE", 503, "CLIENT_INTERNAL_ERROR"},
    CodeRow{Code::feature_disabled, "FEATURE_DISABLED", 400, "FEATURE_DISABLED"},
};

const CodeRow& row_of(Code code) {
  for (const CodeRow& row : code_rows) {
    if (row.code == code) return row;
  }
  return code_rows[11];
}

}  // namespace

std::string_view wire_name(Code code) {
  return row_of(code).name;
}

std::string_view error_class(Code code) {
  return row_of(code).error_class;
}

std::string_view sqlstate(Code code) {
  return http_status(code) < 500 ? "KAM00" : "XXM00";
}

int http_status(Code code) {
  return row_of(code).status;
}

}  // namespace sandbox
