// The body of one request on its way in: framing removed, and everything that was promised about it
// (length, SHA-256, chunk signatures, Content-MD5, x-amz-checksum-*) checked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "embedded_store/object_store.h"
#include "embedded_store/s3/checksums.h"
#include "embedded_store/s3/sigv4.h"
#include "sandbox/http/request.h"

namespace store::s3 {

inline constexpr std::uint64_t put_bytes_max = std::uint64_t{5} << 30;

inline constexpr std::size_t xml_bytes_max = 1024 * 1024;

// Whose checksum an x-amz-checksum-* header is: CompleteMultipartUpload speaks of the object.
enum class ChecksumOf { body, object };

class Payload {
 public:
  // Reads the headers only: a promise that makes no sense is refused before the body is asked for.
  // Throws Fault InvalidDigest, InvalidRequest, InvalidArgument.
  Payload(sandbox::http::Request& request,
          const Authorization& authorization,
          ChecksumOf checksum_of = ChecksumOf::body);

  // The size of the content. Throws Fault MissingContentLength when the client did not say it, and
  // EntityTooLarge above 5 GiB.
  [[nodiscard]] std::uint64_t content_length() const;
  // True when the client announced no body at all.
  [[nodiscard]] bool is_empty() const;

  // The checksum the client sends, in a header or in a trailer; nullptr when it sends none.
  [[nodiscard]] const ChecksumKind* checksum() const { return checksum_; }
  // Asks for a checksum although the client sends none.
  void compute(const ChecksumKind& kind) { checksum_ = &kind; }

  // Passes the content on piece by piece, then checks it. When it returns, everything holds but
  // Content-MD5, which check_md5() compares with what the writer found.
  void pipe(const std::function<void(std::string_view)>& sink);
  void check_md5(const std::function<std::string()>& md5_hex) const;
  // The checksum that was computed, as base64; of type FULL_OBJECT.
  [[nodiscard]] const std::vector<Checksum>& checksums() const { return checksums_; }

  // A small body as a whole, everything checked. Throws Fault MalformedXML above `bytes_max`.
  std::string text(std::size_t bytes_max = xml_bytes_max);

 private:
  void read_checksum_headers();
  void check(std::uint64_t received, std::string_view trailer_checksum);

  sandbox::http::Request& request_;
  const Authorization& authorization_;
  bool is_chunked_;
  std::optional<std::uint64_t> length_;
  std::string md5_;  // raw, "" when not given
  const ChecksumKind* checksum_ = nullptr;
  std::string checksum_value_;  // base64, "" when it comes in a trailer or not at all
  bool checksum_in_trailer_ = false;
  std::string payload_sha256_;  // hex, computed
  std::vector<Checksum> checksums_;
};

}  // namespace store::s3
