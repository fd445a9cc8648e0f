// What a job uses, as points of MLflow's system metrics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/jobs/gpus.h"
#include "sandbox/tracking/metrics.h"

namespace sandbox::jobs {

struct UsePoints {
  std::vector<tracking::Metric> points;
  std::size_t bytes = 0;     // of the text that they were made of
  std::int64_t samples = 0;  // lines
};

// Of an attempt's file "usage" from some line on; a line without its end waits for it. `step` is
// that of the first one.
UsePoints points_of(std::string_view usage, std::int64_t step);

// Of the GPUs that a job has, with the names of mlflow/system_metrics/metrics/gpu_monitor.py.
std::vector<tracking::Metric> points_of(const GpuSample& sample,
                                        const std::vector<std::string>& gpus,
                                        std::int64_t step);

}  // namespace sandbox::jobs
