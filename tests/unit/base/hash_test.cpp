#include "sandbox/base/hash.h"

#include <catch2/catch.hpp>

#include "sandbox/base/text.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

TEST_CASE("digests equal their published check values", "[base]") {
  const std::string check = "123456789";
  CHECK(hex(digest(DigestKind::md5, check)) == "25f9e794323b453885f5181f1b624d0b");
  CHECK(hex(digest(DigestKind::sha1, check)) == "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
  CHECK(sha256_hex(check) == "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
  CHECK(hex(digest(DigestKind::crc32, check)) == "cbf43926");
  CHECK(hex(digest(DigestKind::crc32c, check)) == "e3069283");
  CHECK(hex(digest(DigestKind::crc64nvme, check)) == "ae8b14860a799888");
}

TEST_CASE("a digest fed in pieces equals the digest of the whole", "[base]") {
  for (const DigestKind kind : {DigestKind::md5, DigestKind::sha1, DigestKind::sha256,
                                DigestKind::crc32, DigestKind::crc32c, DigestKind::crc64nvme}) {
    Digest pieces(kind);
    pieces.update("1234");
    pieces.update("");
    pieces.update("56789");
    CHECK(pieces.finish() == digest(kind, "123456789"));
  }
}

TEST_CASE("HMAC-SHA256 equals RFC 4231's second case", "[base]") {
  const std::string mac = hmac_sha256("Jefe", "what do ya want for nothing?");
  CHECK(hex(std::span(reinterpret_cast<const std::uint8_t*>(mac.data()), mac.size())) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
