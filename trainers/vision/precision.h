// In how many bits a network computes while it learns.
#pragma once

#include <string>

#include <c10/core/Device.h>

namespace trainers::vision {

enum class Precision { float32, bf16 };

// Of `wanted`, one of settings.h's: auto takes bf16 on a CUDA device that computes in it, and
// float32 everywhere else. Throws Error(invalid_parameter_value) where the device has no such.
Precision find_precision(const std::string& wanted, c10::Device device);

// While it lives, this thread's convolutions and linear layers compute in that precision; weights,
// sums and normalisation stay float32 (Torch's autocast). One at a time.
class Autocast {
 public:
  Autocast(Precision precision, c10::Device device);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool is_on_;
  bool is_cuda_;
};

}  // namespace trainers::vision
