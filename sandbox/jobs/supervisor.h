// Runs the jobs of this lab: starts those whose turn it is, takes over those whose shims have lived
// through the end of an earlier server, and turns how they end into the states of jobs and runs.
//
// A job's turn comes by priority, then by age; the first one that waits for cores, memory or GPUs
// makes the others wait, so that a large one does not wait for ever.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sandbox/artifacts/artifacts.h"
#include "sandbox/base/env.h"
#include "sandbox/jobs/attempt.h"
#include "sandbox/jobs/cgroup.h"
#include "sandbox/jobs/gpus.h"
#include "sandbox/jobs/job_folder.h"
#include "sandbox/jobs/jobs.h"
#include "sandbox/jobs/order.h"
#include "sandbox/jobs/passes.h"
#include "sandbox/jobs/room.h"
#include "sandbox/jobs/secrets.h"

namespace sandbox::jobs {

struct SupervisorOptions {
  std::filesystem::path directory;  // <data-dir>/jobs
  std::vector<std::string> shim;    // the command that runs a shim; the directory is added
  // What every job's environment says of this lab.
  std::function<Variables(const JobSpec& spec, const Pass& pass)> environment;
  Room room;                                           // what the machine has for jobs
  std::int64_t processes_max = 4'096;                  // of one job
  std::int64_t log_bytes_max = std::int64_t{1} << 30;  // of one job
};

class Supervisor {
 public:
  // The rooms, what is kept and `passes` must outlive it.
  Supervisor(Env& env,
             Jobs& jobs,
             tracking::Runs& runs,
             artifacts::Artifacts& artifacts,
             Passes& passes,
             const KeptVariables& secrets,
             const KeptVariables& config,
             SupervisorOptions options);
  ~Supervisor();

  void start();
  // Looks no further; what runs goes on, for the next supervisor.
  void pause();
  // Ends what runs: the lab stops. Returns when all of it is over.
  void stop();

  // Throws what Jobs::submit throws, INVALID_PARAMETER_VALUE for what this machine cannot give, and
  // INVALID_STATE before start().
  Job submit(NewJob order, const std::string& creator);
  Job cancel(const std::string& job_id);
  Job retry(const std::string& job_id);
  void remove(const std::string& job_id);

  // A part of what a job has printed, at most `bytes_max` bytes from `offset` on.
  std::string log(const std::string& job_id, std::uint64_t offset, std::size_t bytes_max);

 private:
  struct Running {
    Job job;
    Attempt attempt;
    pid_t shim = 0;  // a child of this process, which has to be waited for; 0: another's
    std::size_t usage_read = 0;
    std::int64_t samples = 0;
    std::int64_t gpu_sample = 0;  // the number of the last one that was logged
    bool has_limits_noted = false;
    bool is_told_to_end = false;
  };

  [[nodiscard]] JobFolder folder_of(const std::string& job_id) const {
    return {options_.directory, job_id};
  }
  void halt();
  void look_until_told(const std::stop_token& stop);
  void recover();
  bool look();  // whether something runs or waits
  void look_at(Running& one);
  void take_usage(Running& one);
  void take_gpu_use(Running& one);
  void note_limits(Running& one);
  void log_points(const Job& job, const std::vector<tracking::Metric>& points);
  void start_waiting(const std::vector<Job>& waiting);
  std::string reason_to_wait(const Job& job) const;
  Room room_left() const;
  void keep_time(const Job& job);
  bool is_unfinished(const std::string& job_id) const;
  void start_or_end(const Job& job);
  void begin(Job job, Sources sources);
  Sources sources_of(const JobSpec& spec) const;
  Order order_for(const Job& job, Sources sources);
  void tell_to_end(Running& one);
  void finish(Running& one, const End& end);
  void lose(Running& one);
  void close(Running& one, Status status, const std::string& error, const End& end);
  void clean_up(Running& one);
  void wake();

  Env& env_;
  Jobs& jobs_;
  tracking::Runs& runs_;
  artifacts::Artifacts& artifacts_;
  Passes& passes_;
  const KeptVariables& secrets_;
  const KeptVariables& config_;
  const SupervisorOptions options_;

  std::mutex mutex_;  // guards is_woken_
  std::condition_variable_any woken_;
  bool is_woken_ = true;
  std::atomic<bool> is_started_ = false;
  // These are the thread's; stop()'s once the thread has ended.
  CgroupPlace cgroup_place_;
  GpuWatch gpu_watch_;
  bool is_ending_ = false;
  std::map<std::string, Running> running_;
  std::map<std::string, std::string> notes_;  // what each was last said to wait for
  std::jthread thread_;
};

}  // namespace sandbox::jobs
