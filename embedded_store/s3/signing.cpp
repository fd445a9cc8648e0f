#include "embedded_store/s3/signing.h"

#include <algorithm>
#include <vector>

#include "embedded_store/s3/sigv4.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {

std::string signature_scope(const std::string& date, std::string_view region) {
  return date.substr(0, 8) + "/" + std::string(region) + "/s3/aws4_request";
}

std::string signature_of(std::string_view canonical_request,
                         const AccessKey& key,
                         std::string_view region,
                         const std::string& date) {
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + date + "\n" + signature_scope(date, region) +
                              "\n" + sandbox::sha256_hex(canonical_request);
  const std::string signing_key =
      derive_signing_key(key.secret.reveal(), std::string_view(date).substr(0, 8), region);
  const std::string bytes = sandbox::hmac_sha256(signing_key, to_sign);
  return sandbox::hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

void sign(sandbox::http::Request& request,
          const Signer& signer,
          std::int64_t now_ms,
          std::string_view payload) {
  const std::string date = sandbox::iso8601_basic(now_ms);
  request.headers.set("x-amz-date", date);
  request.headers.set("x-amz-content-sha256", std::string(payload));
  if (!signer.session_token.empty()) {
    request.headers.set("x-amz-security-token", signer.session_token.reveal());
  }
  std::vector<std::string> names;
  for (const auto& [name, value] : request.headers.all()) names.push_back(sandbox::lower(name));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  request.headers.set("authorization", "AWS4-HMAC-SHA256 Credential=" + signer.key.id + "/" +
                                           signature_scope(date, signer.region) +
                                           ", SignedHeaders=" + sandbox::join(names, ";") +
                                           ", Signature=" +
                                           signature_of(canonical_request(request, names, payload),
                                                        signer.key, signer.region, date));
}

}  // namespace store::s3
