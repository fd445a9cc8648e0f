#include "sandbox/jobs/gpus.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/config.h"
#include "sandbox/base/text.h"

namespace sandbox::jobs {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds longest_answer{5};  // the driver's first one takes two
constexpr std::chrono::seconds between_samples{10};
constexpr std::chrono::seconds first_sample{1};
constexpr double mebibyte_in_megabytes = 1.048576;

std::string read_until(int from, Clock::time_point deadline) {
  std::string out;
  std::array<char, 4096> buffer;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd watched{from, POLLIN, 0};
    if (left.count() <= 0 || poll(&watched, 1, static_cast<int>(left.count())) <= 0) return "";
    const ssize_t count = read(from, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// What nvidia-smi prints; "" when it is not there, fails or does not end.
std::string ask_nvidia_smi(const std::string& query) {
  std::array<int, 2> output{};
  if (pipe2(output.data(), O_CLOEXEC) != 0) return "";
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output[1], 1);
  posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  std::string program = "nvidia-smi";
  std::string wanted = "--query-gpu=" + query;
  std::string format = "--format=csv,noheader,nounits";
  std::array<char*, 4> words{program.data(), wanted.data(), format.data(), nullptr};
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, program.c_str(), &files, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  close(output[1]);
  std::string text;
  if (failed == 0) {
    text = read_until(output[0], Clock::now() + longest_answer);
    if (text.empty()) kill(pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) text.clear();
  }
  close(output[0]);
  return text;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  for (const std::string& cell : split(line, ',')) cells.emplace_back(trim(cell));
  return cells;
}

std::optional<double> share_percent(std::optional<double> part, std::optional<double> whole) {
  if (!part || !whole || !(*whole > 0)) return std::nullopt;
  return *part / *whole * 100;
}

}  // namespace

std::vector<std::string> visible_gpus(const std::vector<std::string>& uuids,
                                      std::string_view visible) {
  std::vector<std::string> out;
  for (const std::string& cell : split(visible, ',')) {
    const std::string name(trim(cell));
    if (name.starts_with("MIG-")) {
      out.push_back(name);
      continue;
    }
    const auto number = parse_int64(name);
    const auto at = number && *number >= 0 && *number < static_cast<std::int64_t>(uuids.size())
                        ? uuids.begin() + *number
                        : std::find_if(uuids.begin(), uuids.end(), [&](const std::string& uuid) {
                            return name.starts_with("GPU-") && uuid.starts_with(name);
                          });
    if (at == uuids.end() || std::find(out.begin(), out.end(), *at) != out.end()) return out;
    out.push_back(*at);
  }
  return out;
}

std::vector<std::string> machine_gpus() {
  std::vector<std::string> all;
  for (const std::string& line : split(ask_nvidia_smi("uuid"), '\n')) {
    if (const auto uuid = trim(line); uuid.starts_with("GPU-")) all.emplace_back(uuid);
  }
  if (all.empty()) {
    while (std::filesystem::exists("/dev/nvidia" + std::to_string(all.size()))) {
      all.push_back(std::to_string(all.size()));
    }
  }
  const auto visible = process_environment()("CUDA_VISIBLE_DEVICES");
  return visible ? visible_gpus(all, *visible) : all;
}

std::vector<GpuUse> parse_gpu_use(std::string_view csv) {
  std::vector<GpuUse> out;
  for (const std::string& line : split(csv, '\n')) {
    const std::vector<std::string> cells = cells_of(line);
    const auto index = parse_int64(cells[0]);
    if (cells.size() != 7 || !index) continue;
    const auto number = [&](std::size_t cell) { return parse_double(cells[cell]); };  // "[N/A]"
    GpuUse one;
    one.index = *index;
    one.uuid = cells[1];
    one.utilization_percent = number(2);
    if (const auto used = number(3)) one.memory_megabytes = *used * mebibyte_in_megabytes;
    one.memory_percent = share_percent(number(3), number(4));
    one.power_watts = number(5);
    one.power_percent = share_percent(number(5), number(6));
    out.push_back(std::move(one));
  }
  return out;
}

void GpuWatch::want(bool is_wanted) {
  {
    const std::lock_guard lock(mutex_);
    if (is_wanted == is_wanted_) return;
    is_wanted_ = is_wanted;
  }
  changed_.notify_all();
  if (is_wanted && !thread_.joinable()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { look_until_told(stop); });
  }
}

GpuSample GpuWatch::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void GpuWatch::look_until_told(const std::stop_token& stop) {
  const auto pause = [&](std::chrono::seconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, time, [] { return false; });
  };
  while (!stop.stop_requested()) {
    auto time = between_samples;
    {
      std::unique_lock lock(mutex_);
      if (!is_wanted_) time = first_sample;
      if (!changed_.wait(lock, stop, [this] { return is_wanted_; })) return;
      if (last_.number == 0) time = first_sample;
    }
    pause(time);
    if (stop.stop_requested()) return;
    GpuSample sample;
    sample.gpus = parse_gpu_use(
        ask_nvidia_smi("index,uuid,utilization.gpu,memory.used,memory.total,power.draw,"
                       "enforced.power.limit"));
    sample.time_ms = env_.now_ms();
    const std::lock_guard lock(mutex_);
    sample.number = last_.number + 1;
    last_ = std::move(sample);
  }
}

}  // namespace sandbox::jobs
