#include "embedded_store/s3/checksums.h"

#include <catch2/catch.hpp>

#include "embedded_store/s3/errors.h"
#include "sandbox/base/text.h"

using namespace store::s3;

namespace {

std::string raw(const ChecksumKind& kind, std::string_view bytes) {
  const auto out = sandbox::digest(kind.digest, bytes);
  return {out.begin(), out.end()};
}

}  // namespace

TEST_CASE("the CRC of a whole is made of the CRCs of its parts", "[s3]") {
  const std::vector<std::string> texts{"hello", "", std::string(100'000, 'x'), "a",
                                       "the end of it"};
  for (const std::string_view name : {"CRC32", "CRC32C", "CRC64NVME"}) {
    const ChecksumKind& kind = *find_checksum_by_name(name);
    std::vector<PartChecksum> parts;
    std::string whole;
    for (const std::string& text : texts) {
      whole += text;
      parts.push_back({raw(kind, text), text.size()});
      CHECK(full_object_checksum(kind, parts) == sandbox::base64(raw(kind, whole)));
    }
  }
}

TEST_CASE("a composite checksum is one of the parts' checksums", "[s3]") {
  const ChecksumKind& kind = *find_checksum_by_name("sha256");
  const std::vector<PartChecksum> parts{{raw(kind, "a"), 1}, {raw(kind, "b"), 1}};
  CHECK(composite_checksum(kind, parts) ==
        sandbox::base64(raw(kind, raw(kind, "a") + raw(kind, "b"))) + "-2");
}

TEST_CASE("a checksum's type follows its algorithm", "[s3]") {
  const auto type = [](std::string_view name, std::string_view asked) {
    return checksum_type(*find_checksum_by_name(name), asked);
  };
  CHECK(type("CRC32", "") == "COMPOSITE");
  CHECK(type("CRC32", "FULL_OBJECT") == "FULL_OBJECT");
  CHECK(type("SHA256", "") == "COMPOSITE");
  CHECK(type("CRC64NVME", "") == "FULL_OBJECT");
  CHECK_THROWS_AS(type("SHA1", "FULL_OBJECT"), store::Fault);
  CHECK_THROWS_AS(type("CRC64NVME", "COMPOSITE"), store::Fault);
  CHECK_THROWS_AS(type("CRC32", "HALF"), store::Fault);
}

TEST_CASE("checksums are found by name and by header", "[s3]") {
  CHECK(find_checksum_by_header("X-Amz-Checksum-Crc32c")->name == "CRC32C");
  CHECK(find_checksum_by_name("md5") == nullptr);
}
