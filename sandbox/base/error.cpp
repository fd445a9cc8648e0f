#include "sandbox/base/error.h"

#include <array>

namespace sandbox {
namespace {

struct CodeRow {
  Code code;
  std::string_view name;
  int status;
};

constexpr std::array code_rows{
    CodeRow{Code::bad_request, "BAD_REQUEST", 400},
    CodeRow{Code::invalid_parameter_value, "INVALID_PARAMETER_VALUE", 400},
    CodeRow{Code::resource_already_exists, "RESOURCE_ALREADY_EXISTS", 400},
    CodeRow{Code::unauthenticated, "UNAUTHENTICATED", 401},
    CodeRow{Code::permission_denied, "PERMISSION_DENIED", 403},
    CodeRow{Code::resource_does_not_exist, "RESOURCE_DOES_NOT_EXIST", 404},
    CodeRow{Code::not_found, "NOT_FOUND", 404},
    CodeRow{Code::endpoint_not_found, "ENDPOINT_NOT_FOUND", 404},
    CodeRow{Code::resource_conflict, "RESOURCE_CONFLICT", 409},
    CodeRow{Code::request_limit_exceeded, "REQUEST_LIMIT_EXCEEDED", 429},
    CodeRow{Code::resource_exhausted, "RESOURCE_EXHAUSTED", 429},
    CodeRow{Code::internal_error, "INTERNAL_ERROR", 500},
    CodeRow{Code::invalid_state, "INVALID_STATE", 500},
    CodeRow{Code::not_implemented, "NOT_IMPLEMENTED", 501},
    CodeRow{Code::temporarily_unavailable, "TEMPORARILY_UNAVAILABLE", 503},
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

int http_status(Code code) {
  return row_of(code).status;
}

}  // namespace sandbox
