#include "sandbox/base/hash.h"

#include <stdexcept>
#include <variant>

#include <boost/crc.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include "sandbox/base/text.h"

namespace sandbox {
namespace {

using Crc32c = boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true>;
using Crc64nvme =
    boost::crc_optimal<64, 0xAD93D23594C93659, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF, true, true>;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

struct Crc32 {
  uLong value = 0;
};

const EVP_MD* algorithm(DigestKind kind) {
  switch (kind) {
    case DigestKind::md5: return EVP_md5();
    case DigestKind::sha1: return EVP_sha1();
    default: return EVP_sha256();
  }
}

std::string hmac(const EVP_MD* kind,
                 std::size_t size,
                 std::string_view key,
                 std::string_view message) {
  std::string out(size, '\0');
  unsigned written = 0;
  HMAC(kind, key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(out.data()), &written);
  return out;
}

std::vector<std::uint8_t> big_endian(std::uint64_t value, std::size_t bytes) {
  std::vector<std::uint8_t> out(bytes);
  for (std::size_t i = bytes; i-- > 0; value >>= 8) out[i] = static_cast<std::uint8_t>(value);
  return out;
}

}  // namespace

struct Digest::State {
  std::variant<Context, Crc32, Crc32c, Crc64nvme> value;
};

Digest::Digest(DigestKind kind) : kind_(kind), state_(std::make_unique<State>()) {
  switch (kind) {
    case DigestKind::crc32: state_->value = Crc32{}; break;
    case DigestKind::crc32c: state_->value = Crc32c{}; break;
    case DigestKind::crc64nvme: state_->value = Crc64nvme{}; break;
    default: {
      Context context(EVP_MD_CTX_new());
      if (!context || EVP_DigestInit_ex(context.get(), algorithm(kind), nullptr) != 1) {
        throw std::runtime_error("OpenSSL refused to start a digest");
      }
      state_->value = std::move(context);
    }
  }
}

Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::update(std::string_view piece) {
  if (auto* context = std::get_if<Context>(&state_->value)) {
    EVP_DigestUpdate(context->get(), piece.data(), piece.size());
  } else if (auto* crc = std::get_if<Crc32>(&state_->value)) {
    crc->value = crc32_z(crc->value, reinterpret_cast<const Bytef*>(piece.data()), piece.size());
  } else if (auto* crc32c = std::get_if<Crc32c>(&state_->value)) {
    crc32c->process_bytes(piece.data(), piece.size());
  } else {
    std::get<Crc64nvme>(state_->value).process_bytes(piece.data(), piece.size());
  }
}

std::vector<std::uint8_t> Digest::finish() {
  if (auto* context = std::get_if<Context>(&state_->value)) {
    std::vector<std::uint8_t> out(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    EVP_DigestFinal_ex(context->get(), out.data(), &size);
    out.resize(size);
    return out;
  }
  if (auto* crc = std::get_if<Crc32>(&state_->value)) return big_endian(crc->value, 4);
  if (auto* crc = std::get_if<Crc32c>(&state_->value)) return big_endian(crc->checksum(), 4);
  return big_endian(std::get<Crc64nvme>(state_->value).checksum(), 8);
}

std::vector<std::uint8_t> digest(DigestKind kind, std::string_view bytes) {
  Digest one(kind);
  one.update(bytes);
  return one.finish();
}

std::string sha256_hex(std::string_view bytes) {
  return hex(digest(DigestKind::sha256, bytes));
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  return hmac(EVP_sha256(), 32, key, message);
}

std::string hmac_sha1(std::string_view key, std::string_view message) {
  return hmac(EVP_sha1(), 20, key, message);
}

}  // namespace sandbox
