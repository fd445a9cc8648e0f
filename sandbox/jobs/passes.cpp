#include "sandbox/jobs/passes.h"

#include <array>

#include "sandbox/base/text.h"

namespace sandbox::jobs {
namespace {

constexpr std::string_view token_prefix = "mlsj_";  // so that scanners for leaked secrets know it

}  // namespace

Pass Passes::make(Env& env) {
  std::array<std::uint8_t, 20> bits{};
  Pass pass;
  env.random_bytes(bits);
  pass.token = std::string(token_prefix) + hex(bits);
  env.random_bytes(bits);
  pass.access_key = "JOB" + upper(hex(std::span(bits).first(8)));
  env.random_bytes(bits);
  pass.secret_key = hex(bits);
  return pass;
}

void Passes::admit(const std::string& job_id, const Pass& pass) {
  const std::lock_guard lock(mutex_);
  by_job_[job_id] = pass;
}

void Passes::revoke(const std::string& job_id) {
  const std::lock_guard lock(mutex_);
  by_job_.erase(job_id);
}

std::string Passes::job_of(std::string_view token) const {
  if (!token.starts_with(token_prefix)) return "";
  const std::lock_guard lock(mutex_);
  for (const auto& [job, pass] : by_job_) {
    if (equal_in_constant_time(pass.token, token)) return job;
  }
  return "";
}

std::optional<Secret> Passes::s3_secret(std::string_view access_key) const {
  if (!access_key.starts_with("JOB")) return std::nullopt;
  const std::lock_guard lock(mutex_);
  for (const auto& [job, pass] : by_job_) {
    if (pass.access_key == access_key) return Secret(pass.secret_key);
  }
  return std::nullopt;
}

}  // namespace sandbox::jobs
