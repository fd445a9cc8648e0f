// A world counted by hand: time moves only when a test says so, ids are 1, 2, 3… as 32 hex digits.
#pragma once

#include <cstdint>
#include <span>

#include "sandbox/base/env.h"

namespace sandbox {

class FakeEnv final : public Env {
 public:
  std::int64_t now_ms() override { return now; }
  std::int64_t monotonic_ns() override { return now * 1'000'000; }
  // Big-endian counter, so that new_id() differs in its last digits.
  void random_bytes(std::span<std::uint8_t> out) override {
    std::uint64_t number = ++dealt;
    for (std::size_t i = out.size(); i-- > 0; number >>= 8) {
      out[i] = static_cast<std::uint8_t>(number);
    }
  }

  std::int64_t now = 1'700'000'000'000;
  std::uint64_t dealt = 0;
};

}  // namespace sandbox
