// NVIDIA's GPUs of this machine: which there are, and what they are used, as nvidia-smi tells it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sandbox/base/env.h"

namespace sandbox::jobs {

// Those that CUDA programs of this process would see, as CUDA_VISIBLE_DEVICES names them: UUIDs,
// which do not depend on an order; where nvidia-smi is not there, their numbers. Asks for at most
// five seconds.
std::vector<std::string> machine_gpus();

// The GPUs of a machine that `visible`, a value of CUDA_VISIBLE_DEVICES, leaves: numbers, UUIDs or
// their beginnings, up to the first that is none (CUDA's own rule). What it says of parts of GPUs
// (MIG) stays as it is.
std::vector<std::string> visible_gpus(const std::vector<std::string>& uuids,
                                      std::string_view visible);

// Units of mlflow's monitor: megabytes are 10^6 bytes. What a GPU does not tell is nullopt.
struct GpuUse {
  std::int64_t index = 0;
  std::string uuid;
  std::optional<double> utilization_percent;
  std::optional<double> memory_megabytes;
  std::optional<double> memory_percent;
  std::optional<double> power_watts;
  std::optional<double> power_percent;
};

// Of the lines of `nvidia-smi --query-gpu=index,uuid,utilization.gpu,memory.used,memory.total,
// power.draw,enforced.power.limit --format=csv,noheader,nounits`; other lines are left out.
std::vector<GpuUse> parse_gpu_use(std::string_view csv);

struct GpuSample {
  std::int64_t number = 0;  // from 1; 0: there is none yet
  std::int64_t time_ms = 0;
  std::vector<GpuUse> gpus;
};

// Asks every ten seconds while somebody wants to know, in a thread of its own, because the answer
// may take a second. Safe from every thread.
class GpuWatch {
 public:
  explicit GpuWatch(Env& env) : env_(env) {}  // env must outlive it

  void want(bool is_wanted);
  [[nodiscard]] GpuSample last() const;

 private:
  void look_until_told(const std::stop_token& stop);

  Env& env_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool is_wanted_ = false;  // guarded by mutex_, like last_
  GpuSample last_;
  std::jthread thread_;  // of the caller of want()
};

}  // namespace sandbox::jobs
