#include "embedded_store/s3/checksums.h"

#include <array>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/text.h"

namespace store::s3 {
namespace {

using sandbox::DigestKind;

// clang-format off
constexpr std::array kinds{
    ChecksumKind{"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", DigestKind::crc32, 4, 0xEDB88320},
    ChecksumKind{"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", DigestKind::crc32c, 4, 0x82F63B78},
    ChecksumKind{"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", DigestKind::crc64nvme, 8, 0x9A6C9329AC4BC9B5},
    ChecksumKind{"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", DigestKind::sha1, 20, 0},
    ChecksumKind{"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", DigestKind::sha256, 32, 0},
};
// clang-format on

// Polynomials over GF(2) modulo a CRC's own, bit-reflected: the highest bit is x^0.
class CrcRing {
 public:
  explicit CrcRing(const ChecksumKind& kind)
      : polynomial_(kind.polynomial), one_(std::uint64_t{1} << (kind.bytes * 8 - 1)) {}

  [[nodiscard]] std::uint64_t product(std::uint64_t left, std::uint64_t right) const {
    std::uint64_t sum = 0;
    for (std::uint64_t bit = one_; bit != 0; bit >>= 1) {
      if (left & bit) sum ^= right;
      right = right & 1 ? (right >> 1) ^ polynomial_ : right >> 1;
    }
    return sum;
  }

  // x to the power of 8 * bytes: what appending that many bytes does to a CRC.
  [[nodiscard]] std::uint64_t shift(std::uint64_t bytes) const {
    std::uint64_t result = one_;
    std::uint64_t square = one_ >> 8;  // x^8
    for (; bytes != 0; bytes >>= 1) {
      if (bytes & 1) result = product(square, result);
      square = product(square, square);
    }
    return result;
  }

 private:
  std::uint64_t polynomial_;
  std::uint64_t one_;
};

}  // namespace

std::span<const ChecksumKind> checksum_kinds() {
  return kinds;
}

const ChecksumKind* find_checksum_by_name(std::string_view name) {
  for (const ChecksumKind& kind : kinds) {
    if (sandbox::equal_ignoring_case(kind.name, name)) return &kind;
  }
  return nullptr;
}

const ChecksumKind* find_checksum_by_header(std::string_view header) {
  for (const ChecksumKind& kind : kinds) {
    if (sandbox::equal_ignoring_case(kind.header, header)) return &kind;
  }
  return nullptr;
}

std::string composite_checksum(const ChecksumKind& kind, const std::vector<PartChecksum>& parts) {
  sandbox::Digest digest(kind.digest);
  for (const PartChecksum& part : parts) digest.update(part.raw);
  return sandbox::base64(digest.finish()) + "-" + std::to_string(parts.size());
}

std::string full_object_checksum(const ChecksumKind& kind, const std::vector<PartChecksum>& parts) {
  const CrcRing ring(kind);
  std::uint64_t total = 0;
  for (const PartChecksum& part : parts) {
    std::uint64_t crc = 0;
    for (const char byte : part.raw) crc = crc << 8 | static_cast<unsigned char>(byte);
    total = ring.product(ring.shift(part.size), total) ^ crc;
  }
  std::string raw(kind.bytes, '\0');
  for (std::size_t i = kind.bytes; i-- > 0; total >>= 8) raw[i] = static_cast<char>(total & 0xFF);
  return sandbox::base64(raw);
}

std::string checksum_type(const ChecksumKind& kind, std::string_view asked) {
  if (!asked.empty() && asked != "FULL_OBJECT" && asked != "COMPOSITE") {
    throw fault("InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
  }
  const bool always_full = kind.name == "CRC64NVME";
  if ((always_full && asked == "COMPOSITE") || (kind.polynomial == 0 && asked == "FULL_OBJECT")) {
    throw fault("InvalidRequest", "The " + std::string(asked) +
                                      " checksum type cannot be used with the " +
                                      sandbox::lower(kind.name) + " checksum algorithm.");
  }
  if (!asked.empty()) return std::string(asked);
  return always_full ? "FULL_OBJECT" : "COMPOSITE";
}

void write_checksums(const std::vector<Checksum>& checksums, sandbox::http::Response& response) {
  for (const Checksum& checksum : checksums) {
    const ChecksumKind* kind = find_checksum_by_name(checksum.algorithm);
    if (!kind) continue;
    response.headers.add(std::string(kind->header), checksum.value);
    if (!checksum.type.empty()) response.headers.set("x-amz-checksum-type", checksum.type);
  }
}

void write_checksum_elements(const std::vector<Checksum>& checksums,
                             XmlWriter& xml,
                             ChecksumTypeElement type) {
  for (const Checksum& checksum : checksums) {
    const ChecksumKind* kind = find_checksum_by_name(checksum.algorithm);
    if (!kind) continue;
    xml.element(kind->element, checksum.value);
    if (type == ChecksumTypeElement::written && !checksum.type.empty()) {
      xml.element("ChecksumType", checksum.type);
    }
  }
}

}  // namespace store::s3
