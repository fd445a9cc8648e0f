#include "embedded_store/s3/sigv4.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/service.h"
#include "embedded_store/s3/sigv2.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

using sandbox::http::Query;
using sandbox::http::Request;

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::int64_t skew_max_ms = 15 * 60 * 1000;
constexpr std::int64_t expires_max_s = 7 * 24 * 60 * 60;
constexpr std::size_t signing_keys_max = 256;
constexpr std::string_view empty_sha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string hmac_hex(std::string_view key, std::string_view message) {
  return sandbox::hex(bytes(sandbox::hmac_sha256(key, message)));
}

// Trimmed, inner runs of blanks folded to one.
std::string folded(std::string_view value) {
  std::string out;
  for (const char c : sandbox::trim(value)) {
    const bool is_blank = c == ' ' || c == '\t';
    if (is_blank && !out.empty() && out.back() == ' ') continue;
    out += is_blank ? ' ' : c;
  }
  return out;
}

std::string decoded(std::string_view text) {
  return sandbox::percent_decode(text).value_or(std::string(text));
}

bool is_ours(std::string_view region, const S3Options& options) {
  constexpr std::array<std::string_view, 4> lenient{"us-east-1", "", "auto", "minio"};
  return region == options.region ||
         std::find(lenient.begin(), lenient.end(), region) != lenient.end();
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && sandbox::unhex(text);
}

void read_payload_kind(std::string_view value, Authorization& out) {
  if (is_sha256(value)) {
    out.payload = PayloadKind::hashed;
    out.payload_sha256 = sandbox::lower(value);
  } else if (value == "UNSIGNED-PAYLOAD") {
    out.payload = PayloadKind::unsigned_payload;
  } else if (value == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") {
    out.payload = PayloadKind::chunks_signed;
  } else if (value == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") {
    out.payload = PayloadKind::chunks_signed_trailer;
  } else if (value == "STREAMING-UNSIGNED-PAYLOAD-TRAILER") {
    out.payload = PayloadKind::chunks_unsigned_trailer;
  } else {
    throw fault(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or "
        "a valid sha256 value.",
        {{"ArgumentName", "x-amz-content-sha256"}, {"ArgumentValue", std::string(value)}});
  }
}

// A header nobody signed could have been added on the way.
void check_all_signed(const Request& request, const std::vector<std::string>& signed_headers) {
  const auto is_signed = [&](const std::string& name) {
    return std::find(signed_headers.begin(), signed_headers.end(), name) != signed_headers.end();
  };
  std::vector<std::string> missing;
  if (!is_signed("host")) missing.emplace_back("host");
  for (const auto& [name, value] : request.headers.all()) {
    std::string lowered = sandbox::lower(name);
    if (lowered.starts_with("x-amz-") && !is_signed(lowered)) missing.push_back(std::move(lowered));
  }
  if (missing.empty()) return;
  throw fault("AccessDenied", "There were headers present in the request which were not signed",
              {{"HeadersNotSigned", sandbox::join(missing, ", ")}});
}

}  // namespace

std::string ChunkSigner::sign_chunk(std::string_view data_sha256) {
  const std::string text = "AWS4-HMAC-SHA256-PAYLOAD\n" + date_ + "\n" + scope_ + "\n" + previous_ +
                           "\n" + std::string(empty_sha256) + "\n" + std::string(data_sha256);
  previous_ = hmac_hex(signing_key_, text);
  return previous_;
}

std::string ChunkSigner::sign_trailer(std::string_view lines) {
  const std::string text = "AWS4-HMAC-SHA256-TRAILER\n" + date_ + "\n" + scope_ + "\n" + previous_ +
                           "\n" + sandbox::sha256_hex(lines);
  previous_ = hmac_hex(signing_key_, text);
  return previous_;
}

std::string canonical_uri(std::string_view raw_path) {
  return sandbox::percent_encode(decoded(raw_path), "/");
}

std::string canonical_query(std::string_view raw_query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const Query query = Query::parse(raw_query, false);
  for (const auto& [name, value] : query.all()) {
    if (name == "X-Amz-Signature") continue;
    pairs.emplace_back(sandbox::percent_encode(name), sandbox::percent_encode(value));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out += name + "=" + value;
  }
  return out;
}

std::string canonical_request(const Request& request,
                              const std::vector<std::string>& signed_headers,
                              std::string_view payload_hash) {
  std::string out = request.method + "\n" + canonical_uri(request.raw_path) + "\n" +
                    canonical_query(request.raw_query) + "\n";
  for (const std::string& name : signed_headers) {
    std::string values;
    for (const auto& [field, value] : request.headers.all()) {
      if (!sandbox::equal_ignoring_case(field, name)) continue;
      if (!values.empty()) values += ',';
      values += folded(value);
    }
    out += name + ":" + values + "\n";
  }
  out += "\n" + sandbox::join(signed_headers, ";") + "\n";
  out += payload_hash;
  return out;
}

std::string derive_signing_key(std::string_view secret,
                               std::string_view day,
                               std::string_view region) {
  std::string key = sandbox::hmac_sha256("AWS4" + std::string(secret), day);
  key = sandbox::hmac_sha256(key, region);
  key = sandbox::hmac_sha256(key, "s3");
  return sandbox::hmac_sha256(key, "aws4_request");
}

// What a request says about its signature, not yet believed.
struct Authenticator::Claim {
  std::string access_key;
  std::string day;
  std::string region;
  std::int64_t date_ms = 0;
  std::vector<std::string> signed_headers;
  std::string signature;
  std::string payload_hash;               // as it stands in the canonical request
  std::optional<std::int64_t> expires_s;  // presigned only
  bool is_presigned = false;

  [[nodiscard]] std::string scope() const { return day + "/" + region + "/s3/aws4_request"; }

  // Reads <access key>/<day>/<region>/s3/aws4_request; the access key may hold slashes itself.
  void read_credential(std::string_view text, std::string_view malformed) {
    std::vector<std::string> parts = sandbox::split(text, '/');
    if (parts.size() < 5 || parts.back() != "aws4_request") {
      throw fault(malformed,
                  "The credential is mal-formed; expecting "
                  "\"<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request\".");
    }
    if (parts[parts.size() - 2] != "s3") {
      throw fault(malformed, "The credential is mal-formed; incorrect service \"" +
                                 parts[parts.size() - 2] + "\". This endpoint belongs to \"s3\".");
    }
    region = parts[parts.size() - 3];
    day = parts[parts.size() - 4];
    parts.resize(parts.size() - 4);
    access_key = sandbox::join(parts, "/");
  }

  void read_signed_headers(std::string_view text) {
    signed_headers = sandbox::split(sandbox::lower(text), ';');
    std::sort(signed_headers.begin(), signed_headers.end());
  }
};

Authenticator::Authenticator(sandbox::Env& env, const S3Options& options)
    : env_(env), options_(options) {}

Authenticator::Claim Authenticator::claim_in_header(const Request& request) const {
  const std::string_view header = sandbox::trim(request.headers.get("authorization"));
  constexpr std::string_view malformed = "AuthorizationHeaderMalformed";
  if (!header.starts_with(algorithm)) {
    throw fault("InvalidRequest",
                "The authorization mechanism you have provided is not supported. Please use "
                "AWS4-HMAC-SHA256.");
  }
  Claim claim;
  bool has_credential = false;
  for (const std::string& part : sandbox::split(header.substr(algorithm.size()), ',')) {
    const std::string_view pair = sandbox::trim(part);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view value = pair.substr(equals + 1);
    if (pair.starts_with("Credential=")) {
      claim.read_credential(value, malformed);
      has_credential = true;
    } else if (pair.starts_with("SignedHeaders=")) {
      claim.read_signed_headers(value);
    } else if (pair.starts_with("Signature=")) {
      claim.signature = value;
    }
  }
  if (!has_credential || claim.signed_headers.empty() || claim.signature.empty()) {
    throw fault(malformed,
                "The authorization header is malformed; it needs Credential, SignedHeaders and "
                "Signature.");
  }
  const auto amz_date = request.headers.find("x-amz-date");
  const std::string_view date = amz_date.value_or(request.headers.get("date"));
  auto when = sandbox::parse_iso8601_basic(date);
  if (!when) when = sandbox::parse_http_date(date);
  if (!when) {
    throw fault("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header");
  }
  claim.date_ms = *when;
  const auto payload = request.headers.find("x-amz-content-sha256");
  if (!payload) {
    throw fault("InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
  }
  claim.payload_hash = *payload;
  return claim;
}

Authenticator::Claim Authenticator::claim_in_query(const Request& request) const {
  constexpr std::string_view malformed = "AuthorizationQueryParametersError";
  const Query query = Query::parse(request.raw_query, false);
  for (const std::string_view name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature",
                                      "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires"}) {
    if (query.get(name).empty()) {
      throw fault(malformed,
                  "Query-string authentication version 4 requires the X-Amz-Algorithm, "
                  "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
                  "X-Amz-Expires parameters.");
    }
  }
  if (query.get("X-Amz-Algorithm") != algorithm) {
    throw fault(malformed, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  }
  Claim claim;
  claim.is_presigned = true;
  claim.read_credential(query.get("X-Amz-Credential"), malformed);
  claim.read_signed_headers(query.get("X-Amz-SignedHeaders"));
  claim.signature = query.get("X-Amz-Signature");
  const auto when = sandbox::parse_iso8601_basic(query.get("X-Amz-Date"));
  if (!when) {
    throw fault(malformed,
                "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  claim.date_ms = *when;
  claim.expires_s = sandbox::parse_int64(query.get("X-Amz-Expires"));
  if (!claim.expires_s) throw fault(malformed, "X-Amz-Expires should be a number");
  if (*claim.expires_s < 0) throw fault(malformed, "X-Amz-Expires must be non-negative");
  if (*claim.expires_s > expires_max_s) {
    throw fault(malformed,
                "X-Amz-Expires must be less than a week (in seconds); that is, the given "
                "X-Amz-Expires must be less than 604800 seconds");
  }
  claim.payload_hash = request.headers.get("x-amz-content-sha256",
                                           query.get("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"));
  return claim;
}

void Authenticator::check_time(const Claim& claim) const {
  const std::int64_t now = env_.now_ms();
  if (!claim.is_presigned) {
    if (std::abs(now - claim.date_ms) <= skew_max_ms) return;
    throw fault("RequestTimeTooSkewed",
                {{"RequestTime", sandbox::iso8601_basic(claim.date_ms)},
                 {"ServerTime", sandbox::iso8601_ms(now)},
                 {"MaxAllowedSkewMilliseconds", std::to_string(skew_max_ms)}});
  }
  if (claim.date_ms - now > skew_max_ms) {
    throw fault("AccessDenied", "Request is not valid yet",
                {{"X-Amz-Date", sandbox::iso8601_basic(claim.date_ms)},
                 {"ServerTime", sandbox::iso8601_ms(now)}});
  }
  const std::int64_t end_ms = claim.date_ms + *claim.expires_s * 1000;
  if (now > end_ms) {
    throw fault("AccessDenied", "Request has expired",
                {{"X-Amz-Expires", std::to_string(*claim.expires_s)},
                 {"Expires", sandbox::iso8601_ms(end_ms)},
                 {"ServerTime", sandbox::iso8601_ms(now)}});
  }
}

std::string Authenticator::signing_key(const AccessKey& key,
                                       const std::string& day,
                                       const std::string& region) {
  const std::string name = key.id + "/" + day + "/" + region;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = signing_keys_.find(name); known != signing_keys_.end()) {
      return known->second;
    }
  }
  std::string derived = derive_signing_key(key.secret.reveal(), day, region);
  const std::lock_guard lock(mutex_);
  if (signing_keys_.size() >= signing_keys_max) signing_keys_.clear();
  signing_keys_[name] = derived;
  return derived;
}

AccessKey Authenticator::find_key(std::string_view id) const {
  for (const AccessKey& key : options_.access_keys) {
    if (key.id == id) return key;
  }
  if (options_.find_secret) {
    if (auto secret = options_.find_secret(id)) return {std::string(id), *std::move(secret)};
  }
  throw fault("InvalidAccessKeyId", {{"AWSAccessKeyId", std::string(id)}});
}

Authorization Authenticator::authenticate_v2(const Request& request, const Query& query) const {
  const AccessKey& key = find_key(query.get("AWSAccessKeyId"));
  check_v2(request, query, key, env_.now_ms(), bucket_in_host(request, options_.domain));
  Authorization out;
  out.access_key = key.id;
  out.read_only = key.read_only;
  read_payload_kind(request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), out);
  return out;
}

Authorization Authenticator::authenticate(const Request& request) {
  const Query query = Query::parse(request.raw_query, false);
  const bool in_query =
      query.has("X-Amz-Algorithm") || query.has("X-Amz-Credential") || query.has("X-Amz-Signature");
  const bool in_header = request.headers.find("authorization").has_value();
  if ((in_query || is_signed_by_v2(query)) && in_header) {
    throw fault("InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                "Signature query string parameter or the Authorization header should be specified");
  }
  if (!in_query && !in_header) {
    if (is_signed_by_v2(query)) return authenticate_v2(request, query);
    throw fault("AccessDenied");
  }
  if (query.has("X-Amz-Security-Token") || request.headers.find("x-amz-security-token")) {
    throw fault("InvalidToken");
  }

  const Claim claim = in_header ? claim_in_header(request) : claim_in_query(request);
  const AccessKey& key = find_key(claim.access_key);
  const std::string_view malformed =
      in_header ? "AuthorizationHeaderMalformed" : "AuthorizationQueryParametersError";
  if (!is_ours(claim.region, options_)) {
    throw fault(malformed,
                "The authorization header is malformed; the region '" + claim.region +
                    "' is wrong; expecting '" + options_.region + "'",
                {{"Region", options_.region}});
  }
  const std::string date = sandbox::iso8601_basic(claim.date_ms);
  if (date.substr(0, 8) != claim.day) {
    throw fault(malformed, "Invalid credential date \"" + claim.day +
                               "\". This date is not the same as X-Amz-Date: \"" +
                               date.substr(0, 8) + "\".");
  }
  check_time(claim);
  check_all_signed(request, claim.signed_headers);

  const std::string canonical =
      canonical_request(request, claim.signed_headers, claim.payload_hash);
  const std::string to_sign = std::string(algorithm) + "\n" + date + "\n" + claim.scope() + "\n" +
                              sandbox::sha256_hex(canonical);
  std::string derived = signing_key(key, claim.day, claim.region);
  const std::string signature = hmac_hex(derived, to_sign);
  if (!sandbox::equal_in_constant_time(signature, claim.signature)) {
    throw fault("SignatureDoesNotMatch", {{"AWSAccessKeyId", claim.access_key},
                                          {"SignatureProvided", claim.signature},
                                          {"StringToSign", to_sign},
                                          {"CanonicalRequest", canonical}});
  }

  Authorization out;
  out.access_key = claim.access_key;
  out.read_only = key.read_only;
  read_payload_kind(claim.payload_hash, out);
  out.chunks = ChunkSigner(std::move(derived), date, claim.scope(), signature);
  return out;
}

}  // namespace store::s3
