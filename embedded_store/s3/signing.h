// Signing requests that go out to an S3 server, by the same rules as sigv4.h checks them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "embedded_store/s3/options.h"
#include "sandbox/http/request.h"

namespace store::s3 {

// Who asks, and where.
struct Signer {
  AccessKey key;
  sandbox::Secret session_token;  // of temporary keys, else empty
  std::string region;
};

// Adds what signs the request: x-amz-date, x-amz-content-sha256, x-amz-security-token where there
// is one, and Authorization over all of its headers. Method, raw_path, raw_query and the header
// `host` must be what goes out; `payload` is the body's SHA-256 in hex or "UNSIGNED-PAYLOAD".
void sign(sandbox::http::Request& request,
          const Signer& signer,
          std::int64_t now_ms,
          std::string_view payload);

// The signature of a canonical request (sigv4.h), in hex. `date` is of the form 20261121T080627Z.
std::string signature_of(std::string_view canonical_request,
                         const AccessKey& key,
                         std::string_view region,
                         const std::string& date);
// "20261121/us-east-1/s3/aws4_request", what a signature is good for.
std::string signature_scope(const std::string& date, std::string_view region);

}  // namespace store::s3
