#include "sandbox/jobs/use.h"

#include <algorithm>

#include "sandbox/base/fields_json.h"
#include "sandbox/jobs/attempt.h"

namespace sandbox::jobs {
namespace {

tracking::Metric point(const std::string& name,
                       double value,
                       std::int64_t time_ms,
                       std::int64_t step) {
  tracking::Metric out;
  out.key = "system/" + name;
  out.value = value;
  out.timestamp = time_ms;
  out.step = step;
  return out;
}

}  // namespace

UsePoints points_of(std::string_view usage, std::int64_t step) {
  UsePoints out;
  for (std::size_t end = usage.find('\n'); end != std::string_view::npos;
       end = usage.find('\n', out.bytes)) {
    const auto one = from_json<Usage>(usage.substr(out.bytes, end - out.bytes));
    const auto add = [&](const char* name, double value) {
      out.points.push_back(point(name, value, one.time_ms, step + out.samples));
    };
    add("cpu_utilization_percentage", one.cpu_percent);
    add("system_memory_usage_megabytes", one.memory_megabytes);
    add("disk_read_megabytes", one.read_megabytes);
    add("disk_written_megabytes", one.written_megabytes);
    ++out.samples;
    out.bytes = end + 1;
  }
  return out;
}

std::vector<tracking::Metric> points_of(const GpuSample& sample,
                                        const std::vector<std::string>& gpus,
                                        std::int64_t step) {
  std::vector<tracking::Metric> out;
  for (const GpuUse& one : sample.gpus) {
    const bool is_had = std::any_of(gpus.begin(), gpus.end(), [&](const std::string& gpu) {
      return gpu == one.uuid || gpu == std::to_string(one.index);
    });
    if (!is_had) continue;
    const auto add = [&](const char* name, std::optional<double> value) {
      if (!value) return;
      out.push_back(
          point("gpu_" + std::to_string(one.index) + "_" + name, *value, sample.time_ms, step));
    };
    add("utilization_percentage", one.utilization_percent);
    add("memory_usage_megabytes", one.memory_megabytes);
    add("memory_usage_percentage", one.memory_percent);
    add("power_usage_watts", one.power_watts);
    add("power_usage_percentage", one.power_percent);
  }
  return out;
}

}  // namespace sandbox::jobs
