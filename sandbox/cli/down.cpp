#include <csignal>
#include <cstdio>
#include <thread>

#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"

namespace sandbox::cli {
namespace {

constexpr std::int64_t wait_ms_max = 30'000;  // running requests get 10 s, the stores the rest
constexpr std::chrono::milliseconds pause{10};

}  // namespace

int down(const Words& words) {
  Arguments arguments("down", "Stops the lab: requests finish, the stores close. The data stays.");
  std::string place;
  arguments.text("--data-dir,--data", place, "The lab's data directory");
  if (!arguments.parse(words)) return 0;
  const std::string data_dir = find_data_dir(place, process_environment());
  const auto pid = lock_holder(data_dir);
  if (!pid) {
    std::printf("No lab is running in %s.\n", data_dir.c_str());
    return 0;
  }
  if (*pid <= 0) {
    throw Error(Code::invalid_state,
                "The lab in " + data_dir + " runs in another container. Stop it from there.");
  }
  if (kill(static_cast<pid_t>(*pid), SIGTERM) != 0 && errno != ESRCH) {
    throw Error(Code::permission_denied, "Process " + std::to_string(*pid) +
                                             " belongs to another user, who has to stop it.");
  }
  SystemEnv env;
  const std::int64_t began = env.monotonic_ns();
  while (lock_holder(data_dir)) {
    if ((env.monotonic_ns() - began) / 1'000'000 > wait_ms_max) {
      throw Error(Code::invalid_state,
                  "Process " + std::to_string(*pid) +
                      " has not ended within 30 s. Its log: " + log_file(data_dir));
    }
    std::this_thread::sleep_for(pause);
  }
  std::printf("Stopped the lab (process %lld). Its data stays in %s.\n",
              static_cast<long long>(*pid), data_dir.c_str());
  return 0;
}

}  // namespace sandbox::cli
