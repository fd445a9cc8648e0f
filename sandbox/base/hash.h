// Digests: OpenSSL's MD5, SHA-1 and SHA-256, HMACs of the latter two, and the CRCs of the S3
// checksum headers. A Digest is fed piece by piece and is used by one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox {

enum class DigestKind { md5, sha1, sha256, crc32, crc32c, crc64nvme };

class Digest {
 public:
  explicit Digest(DigestKind kind);
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  [[nodiscard]] DigestKind kind() const { return kind_; }
  void update(std::string_view piece);
  // The raw digest, big-endian for CRCs as S3 encodes them. The Digest must not be fed afterwards.
  std::vector<std::uint8_t> finish();

 private:
  struct State;
  DigestKind kind_;
  std::unique_ptr<State> state_;
};

std::vector<std::uint8_t> digest(DigestKind kind, std::string_view bytes);
std::string sha256_hex(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view message);  // 32 raw bytes
std::string hmac_sha1(std::string_view key, std::string_view message);    // 20 raw bytes

}  // namespace sandbox
