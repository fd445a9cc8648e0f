// What running jobs show at the lab's doors: a token for the tracking port and a pair of keys for
// S3, made for one job and good until it ends. Safe from every thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/base/log.h"

namespace sandbox::jobs {

struct Pass {
  std::string token;
  std::string access_key;
  std::string secret_key;
  static constexpr auto fields() {
    return std::tuple{field("token", &Pass::token), field("access_key", &Pass::access_key),
                      field("secret_key", &Pass::secret_key)};
  }
};

class Passes {
 public:
  // A new one; it opens nothing before admit().
  static Pass make(Env& env);
  void admit(const std::string& job_id, const Pass& pass);
  void revoke(const std::string& job_id);

  // The job that has this token; "" when none does.
  std::string job_of(std::string_view token) const;
  // The secret of an S3 access key.
  std::optional<Secret> s3_secret(std::string_view access_key) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Pass> by_job_;  // guarded by mutex_; a handful
};

}  // namespace sandbox::jobs
