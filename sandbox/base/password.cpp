#include "sandbox/base/password.h"

#include <array>
#include <optional>
#include <stdexcept>
#include <vector>

#include <openssl/evp.h>

#include "sandbox/base/text.h"

namespace sandbox {
namespace {

constexpr std::string_view standard_method = "scrypt:32768:8:1";
constexpr std::string_view salt_letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t salt_characters = 16;
constexpr std::size_t scrypt_bytes = 64;
// A stored hash must not be able to ask for more work or memory than these.
constexpr std::int64_t iterations_max = 10'000'000;
constexpr std::int64_t scrypt_memory_max = 256LL * 1024 * 1024;

std::string as_hex(const std::vector<std::uint8_t>& bytes) {
  return hex(bytes);
}

std::optional<std::string> scrypt_hash(const std::vector<std::string>& words,
                                       std::string_view salt,
                                       std::string_view password) {
  const auto n = words.size() > 1 ? parse_int64(words[1]) : std::int64_t{32768};
  const auto r = words.size() > 2 ? parse_int64(words[2]) : std::int64_t{8};
  const auto p = words.size() > 3 ? parse_int64(words[3]) : std::int64_t{1};
  if (!n || !r || !p || *n < 2 || *r < 1 || *p < 1 || *p > 16 || *r > 64 ||
      *n > scrypt_memory_max / (132 * *r * *p)) {
    return std::nullopt;
  }
  std::vector<std::uint8_t> out(scrypt_bytes);
  const int done = EVP_PBE_scrypt(
      password.data(), password.size(), reinterpret_cast<const unsigned char*>(salt.data()),
      salt.size(), static_cast<std::uint64_t>(*n), static_cast<std::uint64_t>(*r),
      static_cast<std::uint64_t>(*p), static_cast<std::uint64_t>(132 * *n * *r * *p), out.data(),
      out.size());
  if (done != 1) return std::nullopt;
  return as_hex(out);
}

std::optional<std::string> pbkdf2_hash(const std::vector<std::string>& words,
                                       std::string_view salt,
                                       std::string_view password) {
  const EVP_MD* digest = words.size() > 1 ? EVP_get_digestbyname(words[1].c_str()) : EVP_sha256();
  const auto iterations = words.size() > 2 ? parse_int64(words[2]) : std::int64_t{1'000'000};
  if (digest == nullptr || !iterations || *iterations < 1 || *iterations > iterations_max) {
    return std::nullopt;
  }
  std::vector<std::uint8_t> out(static_cast<std::size_t>(EVP_MD_get_size(digest)));
  const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                                     reinterpret_cast<const unsigned char*>(salt.data()),
                                     static_cast<int>(salt.size()), static_cast<int>(*iterations),
                                     digest, static_cast<int>(out.size()), out.data());
  if (done != 1) return std::nullopt;
  return as_hex(out);
}

std::optional<std::string> hash_with(std::string_view method,
                                     std::string_view salt,
                                     std::string_view password) {
  const std::vector<std::string> words = split(method, ':');
  if (words[0] == "scrypt") return scrypt_hash(words, salt, password);
  if (words[0] == "pbkdf2") return pbkdf2_hash(words, salt, password);
  return std::nullopt;
}

std::string new_salt(Env& env) {
  std::string salt;
  // Bytes beyond the last whole multiple of the alphabet would favour its first letters.
  const std::size_t fair = 256 / salt_letters.size() * salt_letters.size();
  while (salt.size() < salt_characters) {
    std::array<std::uint8_t, salt_characters> bytes{};
    env.random_bytes(bytes);
    for (const std::uint8_t byte : bytes) {
      if (byte < fair && salt.size() < salt_characters) {
        salt += salt_letters[byte % salt_letters.size()];
      }
    }
  }
  return salt;
}

}  // namespace

std::string hash_password(Env& env, std::string_view password) {
  const std::string salt = new_salt(env);
  const auto digits = hash_with(standard_method, salt, password);
  if (!digits) throw std::runtime_error("OpenSSL could not hash a password");
  return std::string(standard_method) + "$" + salt + "$" + *digits;
}

bool password_matches(std::string_view stored, std::string_view password) {
  const std::vector<std::string> parts = split(stored, '$');
  if (parts.size() != 3) return false;
  const auto digits = hash_with(parts[0], parts[1], password);
  return digits && equal_in_constant_time(*digits, parts[2]);
}

}  // namespace sandbox
