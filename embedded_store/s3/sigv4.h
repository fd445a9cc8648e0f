// AWS Signature Version 4 as S3 uses it: in the Authorization header, in a presigned URL, and over
// the chunks of an aws-chunked body. Presigned URLs of version 2 are handed to sigv2.h.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embedded_store/s3/options.h"
#include "sandbox/base/env.h"
#include "sandbox/http/request.h"

namespace store::s3 {

// What x-amz-content-sha256 promises about the body.
enum class PayloadKind {
  hashed,                   // 64 hex digits: the SHA-256 of the body
  unsigned_payload,         // UNSIGNED-PAYLOAD
  chunks_signed,            // STREAMING-AWS4-HMAC-SHA256-PAYLOAD
  chunks_signed_trailer,    // STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
  chunks_unsigned_trailer,  // STREAMING-UNSIGNED-PAYLOAD-TRAILER
};

// Signs the chunks of one body, each chained to the one before.
class ChunkSigner {
 public:
  ChunkSigner() = default;
  ChunkSigner(std::string signing_key, std::string date, std::string scope, std::string seed)
      : signing_key_(std::move(signing_key)),
        date_(std::move(date)),
        scope_(std::move(scope)),
        previous_(std::move(seed)) {}
  // The signature of the next chunk, given the hex SHA-256 of its data.
  std::string sign_chunk(std::string_view data_sha256);
  // The signature of the trailers, given as "name:value\n" lines.
  std::string sign_trailer(std::string_view lines);

 private:
  std::string signing_key_;
  std::string date_;
  std::string scope_;
  std::string previous_;
};

// Who sent a request, and what the signature says about its body.
struct Authorization {
  std::string access_key;
  bool read_only = false;
  PayloadKind payload = PayloadKind::unsigned_payload;
  std::string payload_sha256;  // lower-case hex when `payload` is hashed
  ChunkSigner chunks;          // for the signed chunk kinds
};

// Verifies requests. Safe to use from every thread.
class Authenticator {
 public:
  Authenticator(sandbox::Env& env, const S3Options& options);
  // Throws Fault: AccessDenied (nobody signed, expired), InvalidAccessKeyId, SignatureDoesNotMatch,
  // RequestTimeTooSkewed, AuthorizationHeaderMalformed, AuthorizationQueryParametersError, …
  Authorization authenticate(const sandbox::http::Request& request);

 private:
  struct Claim;
  [[nodiscard]] Claim claim_in_header(const sandbox::http::Request& request) const;
  [[nodiscard]] Claim claim_in_query(const sandbox::http::Request& request) const;
  void check_time(const Claim& claim) const;
  [[nodiscard]] AccessKey find_key(std::string_view id) const;
  [[nodiscard]] Authorization authenticate_v2(const sandbox::http::Request& request,
                                              const sandbox::http::Query& query) const;
  std::string signing_key(const AccessKey& key, const std::string& day, const std::string& region);

  sandbox::Env& env_;
  const S3Options& options_;
  std::mutex mutex_;
  std::map<std::string, std::string> signing_keys_;  // guarded by mutex_; "key/day/region"
};

// The parts of the signature, apart for the tests.
std::string canonical_uri(std::string_view raw_path);
std::string canonical_query(std::string_view raw_query);
std::string canonical_request(const sandbox::http::Request& request,
                              const std::vector<std::string>& signed_headers,
                              std::string_view payload_hash);
std::string derive_signing_key(std::string_view secret,
                               std::string_view day,
                               std::string_view region);

}  // namespace store::s3
