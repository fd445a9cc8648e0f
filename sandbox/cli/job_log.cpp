#include "sandbox/cli/job_log.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <unistd.h>

#include "sandbox/base/text.h"

namespace sandbox::cli {
namespace {

constexpr std::chrono::milliseconds pause{250};

std::atomic<int> interruptions = 0;

void note_interruption(int /*signal*/) {
  if (++interruptions > 1) _exit(130);
}

}  // namespace

jobs::Job ask_job(TrackingDoor& door, const std::string& job_id) {
  return from_json<jobs::Job>(door.get("sandbox/jobs/" + percent_encode(job_id), {}));
}

jobs::Job show_log(TrackingDoor& door, const std::string& job_id, const LogOptions& options) {
  const std::string path = "sandbox/jobs/" + percent_encode(job_id);
  if (options.cancel_by_signal) {
    std::signal(SIGINT, note_interruption);
    std::signal(SIGTERM, note_interruption);
  }
  std::size_t offset = 0;
  bool is_canceled = false;
  std::string told;
  while (true) {
    // Asked before the log, so that nothing printed before its end is missed.
    jobs::Job job = ask_job(door, job_id);
    for (std::string part = "-"; !part.empty();) {
      part = door.get(path + "/log", {{"offset", std::to_string(offset)}});
      offset += part.size();
      std::fwrite(part.data(), 1, part.size(), stdout);
    }
    std::fflush(stdout);
    if (jobs::is_final(job.state()) || !options.follow) return job;
    if (job.status_message != told && isatty(STDERR_FILENO) != 0) {
      told = job.status_message;
      if (!told.empty()) std::fprintf(stderr, "%s\n", told.c_str());
    }
    if (interruptions > 0 && !is_canceled) {
      std::fprintf(stderr, "\nCanceling the job; Ctrl-C again leaves it to itself.\n");
      door.post(path + "/cancel", "{}");
      is_canceled = true;
    }
    std::this_thread::sleep_for(pause);
  }
}

std::string state_text(const jobs::Job& job) {
  std::string text = job.status;
  if (!job.status_message.empty()) text += ": " + job.status_message;
  if (!job.error_message.empty() && job.state() != jobs::Status::succeeded) {
    text += ": " + job.error_message;
  }
  return text;
}

}  // namespace sandbox::cli
