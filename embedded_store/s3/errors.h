// S3's refusals: the one table from a code to its HTTP status and sentence, and the XML answer made
// of a Fault.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/base/error.h"
#include "sandbox/http/request.h"

namespace store::s3 {

using Details = std::vector<std::pair<std::string, std::string>>;

// A Fault with the table's sentence, or with one of its own where the caller knows more.
Fault fault(std::string_view code, Details details = {});
Fault fault(std::string_view code, const std::string& message, Details details = {});

// The HTTP status of a code; 500 for one the table does not know.
int status_of(std::string_view code);

// The answer for a Fault: XML, or only the head of it for a HEAD request.
sandbox::http::Response error_response(const Fault& fault, const sandbox::http::Request& request);

// What is left of a failure below the protocol, in S3's words. A message of an internal error is
// not passed on.
Fault translate(const sandbox::Error& error);

}  // namespace store::s3
