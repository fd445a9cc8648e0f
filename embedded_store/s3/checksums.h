// The x-amz-checksum-* family: names, sizes, and how the checksum of a multipart object is made
// from those of its parts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embedded_store/object_store.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/hash.h"
#include "sandbox/http/request.h"

namespace store::s3 {

struct ChecksumKind {
  std::string_view name;     // "CRC32", as in x-amz-checksum-algorithm and Checksum::algorithm
  std::string_view header;   // "x-amz-checksum-crc32"
  std::string_view element;  // "ChecksumCRC32"
  sandbox::DigestKind digest;
  std::size_t bytes;
  std::uint64_t polynomial;  // of a CRC, reflected; 0 for the SHAs
};

std::span<const ChecksumKind> checksum_kinds();
const ChecksumKind* find_checksum_by_name(std::string_view name);  // any case; nullptr when unknown
const ChecksumKind* find_checksum_by_header(std::string_view header);

// One part's checksum as raw bytes, with the part's size.
struct PartChecksum {
  std::string raw;
  std::uint64_t size = 0;
};

// base64(digest of the concatenated part checksums) + "-N".
std::string composite_checksum(const ChecksumKind& kind, const std::vector<PartChecksum>& parts);
// The CRC of the parts' bytes one after the other, base64, without reading them again.
std::string full_object_checksum(const ChecksumKind& kind, const std::vector<PartChecksum>& parts);

// Fills in the type of a checksum ("FULL_OBJECT" or "COMPOSITE") that a client may choose for a
// multipart upload. Throws Fault InvalidRequest for a pair S3 does not know.
std::string checksum_type(const ChecksumKind& kind, std::string_view asked);

// Writes x-amz-checksum-<algorithm> and x-amz-checksum-type headers, or Checksum<ALGORITHM> and
// ChecksumType elements.
void write_checksums(const std::vector<Checksum>& checksums, sandbox::http::Response& response);
enum class ChecksumTypeElement { written, left_out };
void write_checksum_elements(const std::vector<Checksum>& checksums,
                             XmlWriter& xml,
                             ChecksumTypeElement type = ChecksumTypeElement::written);

}  // namespace store::s3
