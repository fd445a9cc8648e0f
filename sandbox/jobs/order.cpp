#include "sandbox/jobs/order.h"

#include <algorithm>
#include <cmath>

#include "sandbox/base/text.h"

namespace sandbox::jobs {
namespace {

constexpr std::size_t masked_line_bytes_min = 8;

// Of a key of many lines a program may print one.
void mask(const std::string& secret, std::vector<std::string>& masked) {
  masked.push_back(secret);
  if (secret.find('\n') == std::string::npos) return;
  for (const std::string& line : split(secret, '\n')) {
    const std::string_view text = trim(line);
    if (text.size() >= masked_line_bytes_min) masked.emplace_back(text);
  }
}

void bind_gpus(const Job& job, bool has_gpus, TextMap& env) {
  if (!has_gpus) return;
  const std::vector<std::string>& gpus = job.details.gpus;
  env["CUDA_VISIBLE_DEVICES"] = join(gpus, ",");
  // Numbers are those of nvidia-smi and /dev, not CUDA's own order.
  const bool has_numbers = std::any_of(
      gpus.begin(), gpus.end(), [](const auto& gpu) { return parse_int64(gpu).has_value(); });
  if (has_numbers) env["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";
}

}  // namespace

Order order_of(const Job& job, const Sources& sources) {
  const JobSpec& spec = job.spec;
  Order order;
  order.command = spec.command;
  order.working_dir = spec.working_dir;
  order.timeout_s = spec.timeout_s;
  order.memory_bytes = spec.memory_bytes;
  order.cpus = spec.cpus;
  const std::string threads =
      std::to_string(std::max<std::int64_t>(1, std::llround(std::floor(spec.cpus))));
  order.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
               {"LANG", "C.UTF-8"},
               {"PYTHONUNBUFFERED", "1"},
               {"OMP_NUM_THREADS", threads}};
  for (const auto& [name, value] : sources.lab) order.env[name] = value;
  order.env["MLFLOW_RUN_ID"] = job.details.run_id;
  order.env["MLFLOW_EXPERIMENT_NAME"] = spec.experiment_name;
  if (spec.experiment_name.empty()) order.env.erase("MLFLOW_EXPERIMENT_NAME");
  order.env["MLOPS_SANDBOX_JOB_ID"] = job.job_id;
  order.env["MLOPS_SANDBOX_ATTEMPT"] = std::to_string(job.details.attempt);
  for (const tracking::KeyValue& one : sources.config) order.env[one.key] = one.value;
  for (const tracking::KeyValue& one : spec.env) order.env[one.key] = one.value;
  for (const tracking::KeyValue& one : sources.secrets) {
    order.env[one.key] = one.value;
    mask(one.value, order.secrets);
  }
  bind_gpus(job, sources.has_gpus, order.env);
  order.secrets.push_back(sources.pass.token);
  order.secrets.push_back(sources.pass.secret_key);
  return order;
}

}  // namespace sandbox::jobs
