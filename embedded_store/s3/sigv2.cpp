#include "embedded_store/s3/sigv2.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

using sandbox::http::Query;
using sandbox::http::Request;

// The parameters that choose what a request does are signed, all others are not.
constexpr std::array<std::string_view, 37> signed_parameters{
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
};

// "x-amz-acl:private\n" for each, sorted. Those that the signer moved into the URL count as
// headers.
std::string amz_headers(const Request& request, const Query& query) {
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : request.headers.all()) {
    const std::string lowered = sandbox::lower(name);
    if (!lowered.starts_with("x-amz-")) continue;
    std::string& joined = values[lowered];
    if (!joined.empty()) joined += ',';
    joined += sandbox::trim(value);
  }
  for (const auto& [name, value] : query.all()) {
    const std::string lowered = sandbox::lower(name);
    if (lowered.starts_with("x-amz-")) values.try_emplace(lowered, sandbox::trim(value));
  }
  std::string out;
  for (const auto& [name, value] : values) out += name + ":" + value + "\n";
  return out;
}

std::string resource(const Request& request, const Query& query, std::string_view host_bucket) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const auto& pair : query.all()) {
    if (std::find(signed_parameters.begin(), signed_parameters.end(), pair.first) !=
        signed_parameters.end()) {
      parameters.push_back(pair);
    }
  }
  std::stable_sort(parameters.begin(), parameters.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out = host_bucket.empty() ? "" : "/" + std::string(host_bucket);
  out += request.raw_path;
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    out += separator + name;
    if (!value.empty()) out += "=" + value;
    separator = '&';
  }
  return out;
}

}  // namespace

bool is_signed_by_v2(const Query& query) {
  return query.has("AWSAccessKeyId");
}

std::string string_to_sign_v2(const Request& request,
                              const Query& query,
                              std::string_view host_bucket) {
  return request.method + "\n" + std::string(request.headers.get("content-md5")) + "\n" +
         std::string(request.headers.get("content-type")) + "\n" +
         std::string(query.get("Expires")) + "\n" + amz_headers(request, query) +
         resource(request, query, host_bucket);
}

void check_v2(const Request& request,
              const Query& query,
              const AccessKey& key,
              std::int64_t now_ms,
              std::string_view host_bucket) {
  const std::string provided(query.get("Signature"));
  const std::string_view expires = query.get("Expires");
  if (provided.empty() || expires.empty()) {
    throw fault("AccessDenied",
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
                "parameters");
  }
  const auto expires_s = sandbox::parse_int64(expires);
  if (!expires_s || *expires_s < 0) {
    throw fault("AccessDenied",
                "Invalid date (should be seconds since epoch): " + std::string(expires));
  }
  const std::string to_sign = string_to_sign_v2(request, query, host_bucket);
  if (!sandbox::equal_in_constant_time(
          sandbox::base64(sandbox::hmac_sha1(key.secret.reveal(), to_sign)), provided)) {
    throw fault(
        "SignatureDoesNotMatch",
        {{"AWSAccessKeyId", key.id}, {"SignatureProvided", provided}, {"StringToSign", to_sign}});
  }
  if (*expires_s < now_ms / 1000) {
    throw fault("AccessDenied", "Request has expired",
                {{"Expires", std::string(expires)}, {"ServerTime", sandbox::iso8601_ms(now_ms)}});
  }
}

}  // namespace store::s3
