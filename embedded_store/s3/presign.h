// A URL that lets whoever has it make one request until it expires: no header, no key of their own.
#pragma once

#include <cstdint>
#include <string>

#include "embedded_store/s3/options.h"

namespace store::s3 {

struct PresignedRequest {
  std::string method = "GET";
  std::string endpoint;  // "http://host:port" or https, as the one who will use the URL reaches it
  std::string bucket;    // "" where the host names it
  std::string key;       // "" for the bucket itself
  std::string query;     // "partNumber=1&uploadId=…", names and values percent-encoded
  std::string content_type;  // when not empty, the request must carry it
  std::int64_t expires_s = 900;
  sandbox::Secret session_token{};  // of temporary keys; the URL then shows it, as S3 has it
};

std::string presigned_url(const AccessKey& access_key,
                          const std::string& region,
                          std::int64_t now_ms,
                          const PresignedRequest& request);

}  // namespace store::s3
