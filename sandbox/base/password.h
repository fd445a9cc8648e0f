// Passwords as werkzeug keeps them (generate_password_hash), so that MLflow's own server can read
// what this one wrote and the other way round. Slow on purpose: a check takes tens of milliseconds
// and 32 MiB, so callers remember what they checked.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/base/env.h"

namespace sandbox {

// "scrypt:32768:8:1$<salt>$<hex>" with a fresh salt.
std::string hash_password(Env& env, std::string_view password);

// Understands scrypt:n:r:p and pbkdf2:hash:iterations. False for anything else.
bool password_matches(std::string_view stored, std::string_view password);

}  // namespace sandbox
