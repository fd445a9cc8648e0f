#include "sandbox/base/fernet.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "sandbox/base/error.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"

namespace sandbox {
namespace {

// A token: version, seconds since 1970 (big-endian), initial vector, ciphertext, HMAC of all that.
constexpr char version = '\x80';
constexpr std::size_t time_bytes = 8;
constexpr std::size_t block_bytes = 16;
constexpr std::size_t head_bytes = 1 + time_bytes + block_bytes;
constexpr std::size_t mac_bytes = 32;
constexpr std::size_t key_bytes = 32;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// AES-128-CBC with PKCS #7 padding; nullopt when the padding is wrong.
std::optional<std::string> run_cipher(bool seals,
                                      std::string_view key,
                                      std::string_view vector,
                                      std::string_view text) {
  const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  std::string out(text.size() + block_bytes, '\0');
  int written = 0;
  int rest = 0;
  auto* place = reinterpret_cast<unsigned char*>(out.data());
  if (!context ||
      EVP_CipherInit_ex(context.get(), EVP_aes_128_cbc(), nullptr, bytes(key), bytes(vector),
                        seals ? 1 : 0) != 1 ||
      EVP_CipherUpdate(context.get(), place, &written, bytes(text),
                       static_cast<int>(text.size())) != 1 ||
      EVP_CipherFinal_ex(context.get(), place + written, &rest) != 1) {
    return std::nullopt;
  }
  out.resize(static_cast<std::size_t>(written + rest));
  return out;
}

std::string url_safe(std::string text) {
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

std::optional<std::string> from_url_safe(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  return unbase64(plain);
}

[[noreturn]] void refuse_file(const std::string& path, const std::string& reason) {
  throw Error(Code::invalid_state, "The key for the secrets of webhooks in " + path +
                                       " cannot be used: " + reason + ".");
}

}  // namespace

Fernet::Fernet(const Secret& key) {
  const auto raw = from_url_safe(trim(key.reveal()));
  if (!raw || raw->size() != key_bytes) {
    throw Error(Code::invalid_parameter_value,
                "The key for the secrets of webhooks must be 32 bytes in URL-safe base64.");
  }
  signing_key_ = Secret(raw->substr(0, block_bytes));
  cipher_key_ = Secret(raw->substr(block_bytes));
}

std::string Fernet::seal(Env& env, std::string_view text) const {
  std::string token(head_bytes, '\0');
  token[0] = version;
  std::int64_t seconds = env.now_ms() / 1000;
  for (std::size_t i = time_bytes; i >= 1; --i, seconds >>= 8) {
    token[i] = static_cast<char>(seconds & 0xFF);
  }
  std::array<std::uint8_t, block_bytes> vector{};
  env.random_bytes(vector);
  std::memcpy(token.data() + 1 + time_bytes, vector.data(), block_bytes);
  const auto sealed =
      run_cipher(true, cipher_key_.reveal(), std::string_view(token).substr(1 + time_bytes), text);
  if (!sealed) throw std::runtime_error("OpenSSL refused to seal a text");
  token += *sealed;
  token += hmac_sha256(signing_key_.reveal(), token);
  return url_safe(base64(token));
}

std::optional<Secret> Fernet::open(std::string_view token) const {
  const auto raw = from_url_safe(token);
  if (!raw || raw->size() < head_bytes + block_bytes + mac_bytes || raw->front() != version) {
    return std::nullopt;
  }
  const std::string_view all(*raw);
  const std::string_view signed_part = all.substr(0, all.size() - mac_bytes);
  if (!equal_in_constant_time(hmac_sha256(signing_key_.reveal(), signed_part),
                              all.substr(signed_part.size()))) {
    return std::nullopt;
  }
  auto text =
      run_cipher(false, cipher_key_.reveal(), signed_part.substr(1 + time_bytes, block_bytes),
                 signed_part.substr(head_bytes));
  if (!text) return std::nullopt;
  return Secret(std::move(*text));
}

Secret new_fernet_key(Env& env) {
  std::array<std::uint8_t, key_bytes> raw{};
  env.random_bytes(raw);
  return Secret(url_safe(base64(raw)));
}

Secret fernet_key_in(Env& env, const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) {
    Secret key = new_fernet_key(env);
    const std::string line = key.reveal() + "\n";
    const bool written =
        ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
        ::fsync(file) == 0;
    ::close(file);
    if (written) return key;
    ::unlink(path.c_str());
    refuse_file(path, "it could not be written");
  }
  if (errno != EEXIST) refuse_file(path, std::strerror(errno));
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) refuse_file(path, "it is empty or not readable");
  return Secret(line);
}

}  // namespace sandbox
