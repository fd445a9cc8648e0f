#include "embedded_store/s3/presign.h"

#include <cassert>
#include <cstdint>

#include "embedded_store/s3/sigv4.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

std::string hex_of(const std::string& bytes) {
  return sandbox::hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace

std::string presigned_url(const AccessKey& access_key,
                          const std::string& region,
                          std::int64_t now_ms,
                          const PresignedRequest& wanted) {
  const std::size_t host = wanted.endpoint.find("://");
  assert(host != std::string::npos);
  const std::string date = sandbox::iso8601_basic(now_ms);
  const std::string day = date.substr(0, 8);
  const std::string scope = day + "/" + region + "/s3/aws4_request";

  sandbox::http::Request request;
  request.method = wanted.method;
  request.raw_path = "/" + wanted.bucket;
  if (!wanted.key.empty()) request.raw_path += "/" + sandbox::percent_encode(wanted.key, "/");
  request.headers.add("host", wanted.endpoint.substr(host + 3));
  std::vector<std::string> signed_headers{"host"};
  if (!wanted.content_type.empty()) {
    request.headers.add("content-type", wanted.content_type);
    signed_headers.insert(signed_headers.begin(), "content-type");
  }
  request.raw_query = wanted.query.empty() ? "" : wanted.query + "&";
  request.raw_query +=
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" +
      sandbox::percent_encode(access_key.id + "/" + scope) + "&X-Amz-Date=" + date +
      "&X-Amz-Expires=" + std::to_string(wanted.expires_s) +
      "&X-Amz-SignedHeaders=" + sandbox::percent_encode(sandbox::join(signed_headers, ";"));
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" +
      sandbox::sha256_hex(canonical_request(request, signed_headers, "UNSIGNED-PAYLOAD"));
  const std::string key = derive_signing_key(access_key.secret.reveal(), day, region);
  return wanted.endpoint + request.raw_path + "?" + request.raw_query +
         "&X-Amz-Signature=" + hex_of(sandbox::hmac_sha256(key, to_sign));
}

}  // namespace store::s3
