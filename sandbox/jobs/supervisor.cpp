#include "sandbox/jobs/supervisor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>

#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "sandbox/base/private_file.h"
#include "sandbox/base/text.h"
#include "sandbox/jobs/cron.h"
#include "sandbox/jobs/ending.h"
#include "sandbox/jobs/job_folder.h"
#include "sandbox/jobs/kept_log.h"
#include "sandbox/jobs/processes.h"
#include "sandbox/jobs/spawn.h"
#include "sandbox/jobs/use.h"

namespace sandbox::jobs {
namespace {

constexpr std::chrono::milliseconds between_looks{200};
constexpr std::chrono::seconds between_idle_looks{5};
constexpr std::chrono::seconds longest_end{20};  // the shim's grace is 10
constexpr std::int64_t not_begun_pause_ms = 5'000;
constexpr std::int64_t first_pause_ms = 1'000;  // before the first retry; doubles
constexpr std::int64_t longest_pause_ms = 300'000;
constexpr std::int64_t gpu_step_ms = 10'000;  // between two samples
constexpr std::size_t usage_bytes = 65'536;   // taken in one look

}  // namespace

Supervisor::Supervisor(Env& env,
                       Jobs& jobs,
                       tracking::Runs& runs,
                       artifacts::Artifacts& artifacts,
                       Passes& passes,
                       const KeptVariables& secrets,
                       const KeptVariables& config,
                       SupervisorOptions options)
    : env_(env),
      jobs_(jobs),
      runs_(runs),
      artifacts_(artifacts),
      passes_(passes),
      secrets_(secrets),
      config_(config),
      options_(std::move(options)),
      gpu_watch_(env) {}

Supervisor::~Supervisor() {
  pause();
}

void Supervisor::start() {
  if (thread_.joinable()) return;
  is_started_ = true;
  thread_ = std::jthread([this](const std::stop_token& stop) { look_until_told(stop); });
}

// Joins the thread, which then leaves what it knew to its caller.
void Supervisor::halt() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  thread_ = {};
}

void Supervisor::pause() {
  halt();
  running_.clear();
  gpu_watch_.want(false);
  is_started_ = false;
}

void Supervisor::stop() {
  if (!is_started_) return;
  halt();
  is_ending_ = true;
  const auto deadline = std::chrono::steady_clock::now() + longest_end;
  while (!running_.empty() && std::chrono::steady_clock::now() < deadline) {
    try {
      for (auto& [id, one] : running_) tell_to_end(one);
      look();
    } catch (const std::exception& failure) {
      log::warning("jobs could not be ended in order", {{"reason", failure.what()}});
    }
    std::this_thread::sleep_for(between_looks);
  }
  is_started_ = false;
}

void Supervisor::wake() {
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
  }
  woken_.notify_all();
}

void Supervisor::look_until_told(const std::stop_token& stop) {
  cgroup_place_ = find_cgroup_place();
  log::info("jobs can run", {{"limits", limits_text(cgroup_place_)},
                             {"gpus", static_cast<std::int64_t>(options_.room.gpus.size())}});
  bool is_recovered = false;
  while (!stop.stop_requested()) {
    bool is_busy = true;
    try {
      if (!is_recovered) recover();
      is_recovered = true;
      is_busy = look();
    } catch (const std::exception& failure) {
      // A database that is away, a full disk: what runs goes on, and is looked at again.
      log::warning("jobs could not be looked after", {{"reason", failure.what()}});
    }
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, stop, is_busy ? between_looks : between_idle_looks,
                    [this] { return is_woken_; });
    is_woken_ = false;
  }
}

// Jobs that an earlier server has begun.
void Supervisor::recover() {
  for (const Job& job : jobs_.unfinished()) {
    if (job.state() != Status::running || running_.contains(job.job_id)) continue;
    Running one{job, Attempt(folder_of(job.job_id).path(), job.details.attempt)};
    if (const auto pass = folder_of(job.job_id).pass()) passes_.admit(job.job_id, *pass);
    log::info("job found again", {{"job", job.job_id}});
    running_.emplace(job.job_id, std::move(one));
  }
}

bool Supervisor::look() {
  const std::vector<Job> unfinished = jobs_.unfinished();
  std::vector<Job> waiting;
  for (const Job& job : unfinished) {
    if (job.state() == Status::pending) waiting.push_back(job);
    const auto at = running_.find(job.job_id);
    if (at != running_.end() && job.details.is_cancel_wanted) tell_to_end(at->second);
  }
  std::vector<std::string> ids;
  bool has_gpus = false;
  for (const auto& [id, one] : running_) {
    ids.push_back(id);
    has_gpus = has_gpus || !one.job.details.gpus.empty();
  }
  gpu_watch_.want(has_gpus);
  for (const std::string& id : ids) look_at(running_.at(id));
  if (!is_ending_) start_waiting(waiting);
  return !running_.empty() || std::any_of(waiting.begin(), waiting.end(),
                                          [](const Job& job) { return job.spec.cron.empty(); });
}

void Supervisor::look_at(Running& one) {
  if (one.shim > 0 && waitpid(one.shim, nullptr, WNOHANG) == one.shim) one.shim = 0;
  note_limits(one);
  take_usage(one);
  take_gpu_use(one);
  if (const auto end = one.attempt.end()) {
    take_usage(one);
    finish(one, *end);
    return;
  }
  if (one.shim > 0) return;  // it may not have come to its lock yet
  switch (one.attempt.look()) {
    case Attempt::Shim::alive: return;
    case Attempt::Shim::never_started: {
      End end;
      end.reason = "lost";
      close(one, Status::pending, "The server ended before it began.", end);
      return;
    }
    case Attempt::Shim::gone:
      // It may have written its last word between the two looks.
      if (const auto end = one.attempt.end()) {
        finish(one, *end);
      } else {
        lose(one);
      }
  }
}

void Supervisor::take_usage(Running& one) {
  const std::string text = read_part(one.attempt.file("usage"), one.usage_read, usage_bytes);
  const UsePoints use = points_of(text, one.samples);
  if (use.points.empty()) return;
  one.usage_read += use.bytes;
  one.samples += use.samples;
  log_points(one.job, use.points);
}

// Its steps go by the time, so that they go on after another server's.
void Supervisor::take_gpu_use(Running& one) {
  if (one.job.details.gpus.empty()) return;
  const GpuSample sample = gpu_watch_.last();
  const std::int64_t started = one.job.details.started_ms.value_or(0);
  if (sample.number == one.gpu_sample || sample.time_ms < started) return;
  one.gpu_sample = sample.number;
  log_points(one.job,
             points_of(sample, one.job.details.gpus, (sample.time_ms - started) / gpu_step_ms));
}

void Supervisor::log_points(const Job& job, const std::vector<tracking::Metric>& points) {
  if (points.empty()) return;
  try {
    runs_.log_batch(job.details.run_id, points, {}, {});
  } catch (const Error& failure) {
    log::warning("a job's use was not logged", {{"job", job.job_id}, {"reason", failure.what()}});
  }
}

// The shim goes without a cgroup where one cannot be made any more.
void Supervisor::note_limits(Running& one) {
  if (one.has_limits_noted) return;
  const auto limits = read_file(one.attempt.file("limits"));
  if (!limits || limits->empty()) return;
  one.has_limits_noted = true;
  if (*limits != one.job.details.limits) jobs_.note_limits(one.job.job_id, *limits);
}

void Supervisor::start_waiting(const std::vector<Job>& waiting) {
  bool is_full = false;
  for (const Job& job : waiting) {
    if (!job.spec.cron.empty()) {
      keep_time(job);
      continue;
    }
    std::string reason = reason_to_wait(job);
    if (reason.empty() && is_full) reason = "It waits for its turn.";
    if (reason.starts_with("It waits for room")) is_full = true;
    if (reason == "-") {
      jobs_.end(job, Status::canceled, "A job that it was to come after did not succeed.", {});
      continue;
    }
    if (reason.empty()) {
      notes_.erase(job.job_id);
      start_or_end(job);
    } else if (notes_[job.job_id] != reason) {
      jobs_.note(job.job_id, reason);
      notes_[job.job_id] = reason;
    }
  }
  std::erase_if(notes_, [&](const auto& note) {
    return std::none_of(waiting.begin(), waiting.end(),
                        [&](const Job& job) { return job.job_id == note.first; });
  });
}

// What it asks for may not be kept any more.
void Supervisor::start_or_end(const Job& job) {
  Sources sources;
  try {
    sources = sources_of(job.spec);
  } catch (const Error& failure) {
    if (failure.code() != Code::resource_does_not_exist) throw;
    jobs_.end(job, Status::failed, failure.what(), {});
    return;
  }
  begin(job, std::move(sources));
}

// Times that came while the lab was stopped count as one; one that comes while the job of the last
// one has not ended is left out.
void Supervisor::keep_time(const Job& job) {
  const std::int64_t now = env_.now_ms();
  if (job.next_attempt_at && *job.next_attempt_at > now) return;
  const std::int64_t next = Cron::parse(job.spec.cron).next_after(now);
  std::string made;
  std::string problem;
  if (job.next_attempt_at && !is_unfinished(job.details.last_job_id)) {
    NewJob order{job.spec, folder_of(job.job_id).secrets()};
    order.spec.cron.clear();
    order.spec.secrets.clear();
    order.spec.schedule_id = job.job_id;
    try {
      made = submit(std::move(order), job.creator).job_id;
    } catch (const Error& failure) {
      if (failure.code() == Code::internal_error) throw;
      problem = failure.what();
    }
  }
  jobs_.wait_for_time(job, made, problem, next);
}

bool Supervisor::is_unfinished(const std::string& job_id) const {
  if (job_id.empty()) return false;
  try {
    return !is_final(jobs_.get(job_id).state());
  } catch (const Error&) {
    return false;  // removed
  }
}

// "" when it can start, "-" when it never will.
std::string Supervisor::reason_to_wait(const Job& job) const {
  if (job.next_attempt_at && *job.next_attempt_at > env_.now_ms()) {
    return "Attempt " + std::to_string(job.details.attempt) + " failed; the next one comes soon.";
  }
  for (const std::string& id : job.spec.after) {
    Status before = Status::failed;
    try {
      before = jobs_.get(id).state();
    } catch (const Error&) {
      return "-";  // removed
    }
    if (is_final(before) && before != Status::succeeded) return "-";
    if (before != Status::succeeded) return "It waits for job " + id + ".";
  }
  return missing_room(options_.room, room_left(), job.spec);
}

Room Supervisor::room_left() const {
  Room left = options_.room;
  for (const auto& [id, one] : running_) take(left, one.job);
  return left;
}

void Supervisor::begin(Job job, Sources sources) {
  Given given{room_left().gpus, limits_text(cgroup_place_)};
  given.gpus.resize(static_cast<std::size_t>(job.spec.gpus));
  if (!jobs_.begin_attempt(job, given)) return;
  Running one{job, Attempt(folder_of(job.job_id).path(), job.details.attempt)};
  Running& kept = running_.insert_or_assign(job.job_id, std::move(one)).first->second;
  std::filesystem::create_directories(kept.attempt.directory());
  write_private_file(kept.attempt.file("order.json").string(),
                     to_json(order_for(kept.job, std::move(sources))));
  kept.shim = spawn_shim(options_.shim, kept.attempt.directory());
  log::info("job started", {{"job", job.job_id}, {"attempt", job.details.attempt}});
}

// Throws RESOURCE_DOES_NOT_EXIST where something is not kept.
Sources Supervisor::sources_of(const JobSpec& spec) const {
  Sources sources;
  if (spec.has_all_config) sources.config = config_.all();
  for (auto& one : config_.get(spec.kept_config)) sources.config.push_back(std::move(one));
  sources.secrets = secrets_.get(spec.kept_secrets);
  sources.has_gpus = !options_.room.gpus.empty();
  return sources;
}

Order Supervisor::order_for(const Job& job, Sources sources) {
  sources.pass = Passes::make(env_);
  const JobFolder folder = folder_of(job.job_id);
  folder.keep(sources.pass);
  passes_.admit(job.job_id, sources.pass);
  sources.lab = options_.environment(job.spec, sources.pass);
  for (auto& one : folder.secrets()) sources.secrets.push_back(std::move(one));
  Order order = order_of(job, sources);
  order.processes_max = options_.processes_max;
  order.log_bytes_max = options_.log_bytes_max;
  order.cgroup_place = cgroup_place_;
  order.cgroup_name = "mlops-sandbox-" + job.job_id + "-" + std::to_string(job.details.attempt);
  return order;
}

void Supervisor::tell_to_end(Running& one) {
  if (one.is_told_to_end) return;
  const int shim = one.attempt.pid_in("lock");
  // Only the one that holds the lock is that process; numbers are used again.
  if (shim <= 0 || one.attempt.look() != Attempt::Shim::alive) return;
  kill(shim, SIGTERM);
  one.is_told_to_end = true;
}

void Supervisor::finish(Running& one, const End& end) {
  const Ending ending = ending_of(one.job, end, folder_of(one.job.job_id).log_tail(), is_ending_);
  close(one, ending.status, ending.error, end);
}

// The shim is gone without a word: the machine was switched off, or somebody killed it. Its command
// went with it; what that had started in its session goes now.
void Supervisor::lose(Running& one) {
  if (const int command = one.attempt.pid_in("command"); command > 0) {
    for (const ProcessInfo& process : all_processes()) {
      if (process.session == command) kill(process.pid, SIGKILL);
    }
  }
  End end;
  end.reason = "lost";
  end.exit_code = 137;
  close(one, Status::failed, loss_text(one.job), end);
}

void Supervisor::close(Running& one, Status status, const std::string& error, const End& end) {
  const Job& job = one.job;
  // The shim has done so, if it could.
  remove_cgroup(one.attempt.cgroup());
  keep_log(artifacts_, folder_of(job.job_id), job);
  const Job current = jobs_.get(job.job_id);
  const bool may_retry = status == Status::failed && current.retry_count < job.spec.retries &&
                         !current.details.is_cancel_wanted && !is_ending_;
  if (status == Status::pending) {
    jobs_.wait_for_retry(job, error, env_.now_ms() + not_begun_pause_ms, false);
  } else if (may_retry) {
    const std::int64_t pause = std::min(
        longest_pause_ms, first_pause_ms << std::min<std::int64_t>(current.retry_count, 20));
    jobs_.wait_for_retry(job, error, env_.now_ms() + pause, true);
  } else {
    jobs_.end(job, status, error, end.exit_code);
  }
  log::info("job ended", {{"job", job.job_id}, {"status", status_name(status)}, {"reason", error}});
  clean_up(one);
}

// Of a job that may be retried by hand the secrets stay, with the log, until it is removed.
void Supervisor::clean_up(Running& one) {
  const std::string job_id = one.job.job_id;
  passes_.revoke(job_id);
  folder_of(job_id).remove_pass();
  std::error_code ignored;
  std::filesystem::remove_all(one.attempt.directory(), ignored);
  if (one.shim > 0) waitpid(one.shim, nullptr, 0);
  running_.erase(job_id);
}

Job Supervisor::submit(NewJob order, const std::string& creator) {
  if (!is_started_) throw Error(Code::invalid_state, "Jobs run in a running lab: `up` starts it.");
  for (const tracking::KeyValue& secret : order.secrets) {
    if (secret.value.size() < secret_bytes_min) {
      throw Error(Code::invalid_parameter_value,
                  "The secret " + secret.key + " has less than " +
                      std::to_string(secret_bytes_min) +
                      " bytes: masking it would mask half of the log.");
    }
    order.spec.secrets.push_back(secret.key);
  }
  check_room(options_.room, order.spec);
  sources_of(order.spec);
  const std::string job_id = env_.new_uuid();
  const JobFolder folder = folder_of(job_id);
  try {
    folder.make(order.secrets);
    Job job = jobs_.submit(job_id, std::move(order.spec), creator);
    wake();
    return job;
  } catch (...) {
    folder.remove();
    throw;
  }
}

Job Supervisor::cancel(const std::string& job_id) {
  Job job = jobs_.cancel(job_id);
  wake();
  return job;
}

Job Supervisor::retry(const std::string& job_id) {
  Job job = jobs_.retry(job_id);
  wake();
  return job;
}

void Supervisor::remove(const std::string& job_id) {
  jobs_.remove(job_id);
  folder_of(job_id).remove();
}

std::string Supervisor::log(const std::string& job_id,
                            std::uint64_t offset,
                            std::size_t bytes_max) {
  const Job job = jobs_.get(job_id);
  return kept_log(artifacts_, folder_of(job_id), job, offset, bytes_max);
}

}  // namespace sandbox::jobs
