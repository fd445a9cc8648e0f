#include "sandbox/jobs/shim.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/private_file.h"
#include "sandbox/jobs/attempt.h"
#include "sandbox/jobs/command.h"
#include "sandbox/jobs/masked_log.h"
#include "sandbox/jobs/processes.h"

namespace sandbox::jobs {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds between_looks{250};
constexpr std::chrono::seconds between_usages{10};
constexpr std::chrono::seconds first_usage{1};
constexpr std::chrono::seconds grace{10};  // from SIGTERM to SIGKILL
constexpr double megabyte = 1024 * 1024;

class Shim {
 public:
  Shim(const Attempt& attempt, Order order)
      : attempt_(attempt),
        order_(std::move(order)),
        log_(attempt.log().string(), order_.secrets, order_.log_bytes_max) {}

  void run();

 private:
  void begin();
  void make_cgroup();
  void start();
  void watch();
  bool take_output(int timeout_ms);
  void take_signals();
  void reap();
  void look();
  void check_limits(const std::vector<ProcessInfo>& family);
  [[nodiscard]] const char* limit_reached() const;
  void note_usage(const std::vector<ProcessInfo>& family);
  void stop(const char* reason);
  void finish();
  void write_end();

  const Attempt& attempt_;
  Order order_;
  MaskedLog log_;
  SystemEnv env_;
  std::optional<Cgroup> cgroup_;
  Command command_;
  int signals_ = -1;
  bool has_ended_ = false;  // the command itself; its children may live on
  End end_;
  Clock::time_point started_ = Clock::now();
  std::optional<Clock::time_point> kill_at_;
  Clock::time_point next_usage_ = started_ + first_usage;
  Usage last_;
};

void Shim::begin() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGTERM);
  sigaddset(&wanted, SIGCHLD);
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  signals_ = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  make_cgroup();
  start();
  last_.time_ms = env_.now_ms();
  if (command_.start_errno != 0) {
    end_.reason = "not started";
    end_.start_errno = command_.start_errno;
    end_.start_place = command_.start_place;
    end_.exit_code = 127;
    has_ended_ = true;
    return;
  }
  std::ofstream(attempt_.file("command")) << command_.pid << "\n";
}

// Its place is on disk before it is there, so that whoever finds the attempt without its shim can
// remove it.
void Shim::make_cgroup() {
  if (order_.cgroup_place.version == 0) return;
  std::string text;
  for (const auto& one : Cgroup::directories(order_.cgroup_place, order_.cgroup_name)) {
    text += one + "\n";
  }
  std::ofstream(attempt_.file("cgroup")) << text;
  auto made = Cgroup::make(order_.cgroup_place, order_.cgroup_name,
                           {order_.memory_bytes, order_.cpus, order_.processes_max});
  if (made) cgroup_.emplace(*std::move(made));
}

void Shim::start() {
  if (cgroup_) {
    command_ = start_command(order_, cgroup_->doors());
    if (command_.start_place == "cgroup") {
      cgroup_->remove();
      cgroup_.reset();
    }
  }
  if (!cgroup_) command_ = start_command(order_, {});
  std::ofstream(attempt_.file("limits")) << (cgroup_ ? cgroup_->text() : limits_text({}));
}

void Shim::run() {
  begin();
  if (command_.pid > 0) watch();
  finish();
}

void Shim::watch() {
  Clock::time_point next_look = Clock::now();
  while (true) {
    const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::max(next_look - Clock::now(), Clock::duration::zero()));
    take_output(static_cast<int>(pause.count()));
    take_signals();
    if (has_ended_) return;
    if (Clock::now() >= next_look) {
      look();
      next_look = Clock::now() + between_looks;
    }
  }
}

// Reads what there is; false once nobody can write any more.
bool Shim::take_output(int timeout_ms) {
  std::array<pollfd, 2> watched{{{command_.output, POLLIN, 0}, {signals_, POLLIN, 0}}};
  if (poll(watched.data(), watched.size(), timeout_ms) <= 0) return true;
  std::array<char, 65536> buffer;
  while (command_.output >= 0) {
    const ssize_t count = read(command_.output, buffer.data(), buffer.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) {
      close(command_.output);
      command_.output = -1;
      return false;
    }
    log_.write({buffer.data(), static_cast<std::size_t>(count)});
    if (count < static_cast<ssize_t>(buffer.size())) return true;
  }
  return false;
}

void Shim::take_signals() {
  signalfd_siginfo signal{};
  while (read(signals_, &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo == SIGTERM) stop("canceled");
  }
  reap();
}

void Shim::reap() {
  int status = 0;
  for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
    if (pid != command_.pid) continue;
    has_ended_ = true;
    const bool is_signal = WIFSIGNALED(status);
    end_.exit_code = is_signal ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (!end_.reason.empty()) continue;
    end_.reason = is_signal ? "signal" : "exited";
    // The kernel may have been quicker than the next look.
    if (const char* limit = limit_reached(); limit != nullptr && end_.exit_code != 0) {
      end_.reason = limit;
    }
  }
}

void Shim::look() {
  const std::vector<ProcessInfo> family = descendants_of(getpid());
  check_limits(family);
  if (Clock::now() >= next_usage_) {
    note_usage(family);
    next_usage_ = Clock::now() + between_usages;
  }
  if (kill_at_ && Clock::now() >= *kill_at_) {
    for (const ProcessInfo& one : family) kill(one.pid, SIGKILL);
  }
}

// The limit of the cgroup that the command has come to; null for none.
const char* Shim::limit_reached() const {
  if (!cgroup_) return nullptr;
  if (order_.memory_bytes > 0 && cgroup_->has_run_out_of_memory()) return "memory";
  return cgroup_->has_run_out_of_processes() ? "processes" : nullptr;
}

void Shim::check_limits(const std::vector<ProcessInfo>& family) {
  std::int64_t resident = 0;
  for (const ProcessInfo& one : family) resident += one.resident_bytes;
  const bool is_memory_looked_at =
      order_.memory_bytes > 0 && !(cgroup_ && cgroup_->limits("memory"));
  if (is_memory_looked_at && resident > order_.memory_bytes) {
    // Pages that processes share were counted for each of them.
    resident = 0;
    for (const ProcessInfo& one : family) resident += proportional_bytes(one);
  }
  end_.memory_megabytes_max =
      std::max(end_.memory_megabytes_max, static_cast<double>(resident) / megabyte);
  if (kill_at_) return;
  if (const char* limit = limit_reached(); limit != nullptr) {
    stop(limit);
    kill_at_ = Clock::now();
  } else if (is_memory_looked_at && resident > order_.memory_bytes) {
    stop("memory");
    kill_at_ = Clock::now();  // it would take more during the grace
  } else if (order_.processes_max > 0 &&
             static_cast<std::int64_t>(family.size()) > order_.processes_max) {
    stop("processes");
    kill_at_ = Clock::now();
  } else if (order_.timeout_s > 0 &&
             std::chrono::duration<double>(Clock::now() - started_).count() > order_.timeout_s) {
    stop("timeout");
  }
}

void Shim::note_usage(const std::vector<ProcessInfo>& family) {
  rusage waited{};
  getrusage(RUSAGE_CHILDREN, &waited);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  Usage now;
  now.time_ms = env_.now_ms();
  now.cpu_seconds = seconds(waited.ru_utime) + seconds(waited.ru_stime);
  for (const ProcessInfo& one : family) {
    now.cpu_seconds += one.cpu_seconds;
    now.memory_megabytes += static_cast<double>(one.resident_bytes) / megabyte;
    const DiskBytes disk = disk_bytes(one.pid);
    now.read_megabytes += static_cast<double>(disk.read) / megabyte;
    now.written_megabytes += static_cast<double>(disk.written) / megabyte;
  }
  now.processes = static_cast<std::int64_t>(family.size());
  const double passed = static_cast<double>(now.time_ms - last_.time_ms) / 1000;
  if (passed > 0) {
    now.cpu_percent = std::max(0.0, (now.cpu_seconds - last_.cpu_seconds) / passed * 100);
  }
  last_ = now;
  std::ofstream(attempt_.file("usage"), std::ios::app) << to_json(now) << "\n";
}

void Shim::stop(const char* reason) {
  if (kill_at_) return;
  end_.reason = reason;
  kill_at_ = Clock::now() + grace;
  kill(-command_.pid, SIGTERM);
}

// Whatever the command has left behind ends with it.
void Shim::finish() {
  note_usage(descendants_of(getpid()));
  for (int round = 0; round < 100; ++round) {
    const std::vector<ProcessInfo> left = descendants_of(getpid());
    if (left.empty()) break;
    if (cgroup_) cgroup_->kill();
    for (const ProcessInfo& one : left) kill(one.pid, SIGKILL);
    usleep(10'000);
    if (command_.output >= 0) take_output(0);
    reap();
  }
  for (pollfd rest{command_.output, POLLIN, 0}; command_.output >= 0 && poll(&rest, 1, 0) > 0;) {
    take_output(0);
  }
  if (cgroup_) cgroup_->remove();
  log_.end();
  rusage waited{};
  getrusage(RUSAGE_CHILDREN, &waited);
  end_.cpu_seconds =
      std::max(last_.cpu_seconds,
               static_cast<double>(waited.ru_utime.tv_sec + waited.ru_stime.tv_sec) +
                   static_cast<double>(waited.ru_utime.tv_usec + waited.ru_stime.tv_usec) / 1e6);
  if (end_.reason == "memory") {
    end_.memory_megabytes_max =
        std::max(end_.memory_megabytes_max, static_cast<double>(order_.memory_bytes) / megabyte);
  }
  end_.is_log_cut = log_.is_cut();
  write_end();
}

// A full disk is waited for: without this file the attempt would count as lost.
void Shim::write_end() {
  end_.time_ms = env_.now_ms();
  const std::string text = to_json(end_);
  while (true) {
    try {
      write_private_file(attempt_.file("end.json").string(), text);
      return;
    } catch (const Error&) {
      if (!std::filesystem::exists(attempt_.directory())) return;  // the job was removed
      sleep(1);
    }
  }
}

}  // namespace

int run_shim(const std::filesystem::path& directory) {
  const Attempt attempt(directory.parent_path(),
                        std::strtoll(directory.filename().c_str(), nullptr, 10));
  const int lock = attempt.claim();
  if (lock < 0) return 1;
  const auto text = read_file(attempt.file("order.json"));
  std::filesystem::remove(attempt.file("order.json"));
  if (!text) return 1;
  try {
    Shim(attempt, from_json<Order>(*text)).run();
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
  return 0;
}

}  // namespace sandbox::jobs
