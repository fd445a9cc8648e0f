// What lies in <data-dir>/jobs/<job id> beside the attempts (attempt.h): the log of all of them,
// and, readable by their owner alone, the values of secrets and the pass of the attempt that runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/artifacts/artifacts.h"
#include "sandbox/jobs/passes.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::jobs {

class JobFolder {
 public:
  JobFolder(const std::filesystem::path& all, const std::string& job_id) : path_(all / job_id) {}

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Throws Error(invalid_state) when it cannot be written.
  void make(const std::vector<tracking::KeyValue>& secrets) const;
  void remove() const;

  [[nodiscard]] std::vector<tracking::KeyValue> secrets() const;
  void keep(const Pass& pass) const;
  [[nodiscard]] std::optional<Pass> pass() const;
  void remove_pass() const;

  // At most `bytes_max` bytes of the log from `offset` on; nullopt when there is no log here.
  [[nodiscard]] std::optional<std::string> log(std::uint64_t offset, std::size_t bytes_max) const;
  // Its last part, in which a failure's reason is looked for.
  [[nodiscard]] std::string log_tail() const;
  // Puts it among a run's files. No log is no error.
  void keep_log(artifacts::Artifacts& artifacts, const artifacts::Location& place) const;

 private:
  std::filesystem::path path_;
};

// A part of a file; "" when it cannot be read.
std::string read_part(const std::filesystem::path& file, std::uint64_t offset, std::size_t bytes);

}  // namespace sandbox::jobs
