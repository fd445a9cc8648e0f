#include "embedded_store/s3/presign.h"

#include <cassert>
#include <vector>

#include "embedded_store/s3/signing.h"
#include "embedded_store/s3/sigv4.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"
#include "sandbox/http/request.h"

namespace store::s3 {

std::string presigned_url(const AccessKey& access_key,
                          const std::string& region,
                          std::int64_t now_ms,
                          const PresignedRequest& wanted) {
  const std::size_t host = wanted.endpoint.find("://");
  assert(host != std::string::npos);
  // A path the endpoint itself has is a part of what is signed.
  const std::size_t base = wanted.endpoint.find('/', host + 3);
  const std::string date = sandbox::iso8601_basic(now_ms);

  sandbox::http::Request request;
  request.method = wanted.method;
  if (base != std::string::npos) request.raw_path = wanted.endpoint.substr(base);
  if (!wanted.bucket.empty()) request.raw_path += "/" + wanted.bucket;
  if (!wanted.key.empty()) request.raw_path += "/" + sandbox::percent_encode(wanted.key, "/");
  if (request.raw_path.empty()) request.raw_path = "/";
  request.headers.add("host", wanted.endpoint.substr(host + 3, base - host - 3));
  std::vector<std::string> signed_headers{"host"};
  if (!wanted.content_type.empty()) {
    request.headers.add("content-type", wanted.content_type);
    signed_headers.insert(signed_headers.begin(), "content-type");
  }
  request.raw_query = wanted.query.empty() ? "" : wanted.query + "&";
  request.raw_query +=
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" +
      sandbox::percent_encode(access_key.id + "/" + signature_scope(date, region)) +
      "&X-Amz-Date=" + date + "&X-Amz-Expires=" + std::to_string(wanted.expires_s) +
      "&X-Amz-SignedHeaders=" + sandbox::percent_encode(sandbox::join(signed_headers, ";"));
  if (!wanted.session_token.empty()) {
    request.raw_query +=
        "&X-Amz-Security-Token=" + sandbox::percent_encode(wanted.session_token.reveal());
  }
  return wanted.endpoint.substr(0, base) + request.raw_path + "?" + request.raw_query +
         "&X-Amz-Signature=" +
         signature_of(canonical_request(request, signed_headers, "UNSIGNED-PAYLOAD"), access_key,
                      region, date);
}

}  // namespace store::s3
