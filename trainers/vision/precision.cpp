#include "trainers/vision/precision.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include "sandbox/base/error.h"

// LibTorch from 2.4 on has newer names for these, and keeps the old ones.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace trainers::vision {
namespace {

void switch_autocast(bool is_cuda, bool on) {
  if (is_cuda) {
    at::autocast::set_enabled(on);
  } else {
    at::autocast::set_cpu_enabled(on);
  }
}

}  // namespace

Precision find_precision(const std::string& wanted, c10::Device device) {
  if (wanted == "float32") return Precision::float32;
  const bool has_bf16 =
      device.is_cuda() && at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
  if (wanted == "auto") return has_bf16 ? Precision::bf16 : Precision::float32;
  if (!has_bf16 && !device.is_cpu()) {
    throw sandbox::Error(sandbox::Code::invalid_parameter_value,
                         "precision is bf16, but the device " + device.str() +
                             " does not compute in it. Say --precision float32, or auto.");
  }
  return Precision::bf16;
}

Autocast::Autocast(Precision precision, c10::Device device)
    : is_on_(precision == Precision::bf16), is_cuda_(device.is_cuda()) {
  if (!is_on_) return;
  if (is_cuda_) {
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
  } else {
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
  }
  switch_autocast(is_cuda_, true);
}

Autocast::~Autocast() {
  if (!is_on_) return;
  switch_autocast(is_cuda_, false);
  at::autocast::clear_cache();  // copies of the weights, which a step is about to change
}

}  // namespace trainers::vision
