// Presigned URLs of AWS Signature Version 2 (AWSAccessKeyId, Expires, Signature), which boto3 still
// makes for endpoints it does not know. Only in URLs: the header form is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "embedded_store/s3/options.h"
#include "sandbox/http/request.h"

namespace store::s3 {

// Whether the URL claims to be signed this way.
bool is_signed_by_v2(const sandbox::http::Query& query);

// `host_bucket` is the bucket that the Host names, "" where the path does. Throws Fault:
// AccessDenied (expired, or a parameter is missing), SignatureDoesNotMatch.
void check_v2(const sandbox::http::Request& request,
              const sandbox::http::Query& query,
              const AccessKey& key,
              std::int64_t now_ms,
              std::string_view host_bucket);

// What is signed, apart for the tests.
std::string string_to_sign_v2(const sandbox::http::Request& request,
                              const sandbox::http::Query& query,
                              std::string_view host_bucket);

}  // namespace store::s3
