// Sealed text: Fernet tokens (AES-128-CBC, then HMAC-SHA256), the form in which MLflow keeps the
// secrets of webhooks. Format: https://github.com/fernet/spec/blob/master/Spec.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sandbox/base/env.h"
#include "sandbox/base/log.h"

namespace sandbox {

// Safe to use from every thread.
class Fernet {
 public:
  // `key` is 32 bytes in URL-safe base64. Throws Error(invalid_parameter_value) for anything else,
  // without repeating it.
  explicit Fernet(const Secret& key);

  std::string seal(Env& env, std::string_view text) const;
  // nullopt when the token was sealed with another key, or is none.
  [[nodiscard]] std::optional<Secret> open(std::string_view token) const;

 private:
  Secret signing_key_;
  Secret cipher_key_;
};

// A new key, as Fernet's constructor wants it.
Secret new_fernet_key(Env& env);

// The key that a file holds. An absent file is made, readable by its owner alone. Throws
// Error(invalid_state) when it can be neither read nor made.
Secret fernet_key_in(Env& env, const std::string& path);

}  // namespace sandbox
