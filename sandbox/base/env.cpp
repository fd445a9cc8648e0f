#include "sandbox/base/env.h"

#include <array>
#include <chrono>
#include <cstdlib>

#include <sys/random.h>

#include "sandbox/base/text.h"

namespace sandbox {

std::string Env::new_id() {
  std::array<std::uint8_t, 16> bytes{};
  random_bytes(bytes);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);
  return hex(bytes);
}

std::string Env::new_uuid() {
  const std::string id = new_id();
  return id.substr(0, 8) + "-" + id.substr(8, 4) + "-" + id.substr(12, 4) + "-" + id.substr(16, 4) +
         "-" + id.substr(20);
}

std::int64_t SystemEnv::now_ms() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

std::int64_t SystemEnv::monotonic_ns() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

void SystemEnv::random_bytes(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    // The kernel's source fails only when it is absent; ids that can be guessed are worse than a
    // stop.
    if (got < 0) std::abort();
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace sandbox
