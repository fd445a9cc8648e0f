// The world outside the program: clock, ids and randomness. Everything that needs one of them takes
// an Env& as its first constructor argument; tests pass a FakeEnv that counts by hand.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace sandbox {

class Env {
 public:
  virtual ~Env() = default;
  // Milliseconds since 1970-01-01 UTC.
  virtual std::int64_t now_ms() = 0;
  // Nanoseconds on a clock that never goes back; only differences have a meaning.
  virtual std::int64_t monotonic_ns() = 0;
  // Fills `out` with bytes nobody can guess.
  virtual void random_bytes(std::span<std::uint8_t> out) = 0;

  // 32 lower-case hex digits from 16 random bytes with the version-4 UUID bits set, the form of
  // MLflow's run ids.
  std::string new_id();
  // The same with dashes: 8-4-4-4-12 digits.
  std::string new_uuid();
};

// The real clock and the kernel's random source. Safe to use from every thread.
class SystemEnv final : public Env {
 public:
  std::int64_t now_ms() override;
  std::int64_t monotonic_ns() override;
  void random_bytes(std::span<std::uint8_t> out) override;
};

}  // namespace sandbox
