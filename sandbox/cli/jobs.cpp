#include <cstdio>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/job_log.h"
#include "sandbox/cli/lab.h"
#include "sandbox/jobs/diagnosis.h"

// Looks after jobs.
namespace sandbox::cli {
namespace {

struct Wanted {
  std::string job_id;
  std::string name;
  std::string status;
  bool as_json = false;
  bool follow = false;
  LabFlags lab;
};

std::string duration_text(const jobs::Job& job) {
  const auto& started = job.details.started_ms;
  const auto& ended = job.details.ended_ms;
  if (!started || !ended || *ended < *started) return "";
  return jobs::seconds_text(static_cast<double>(*ended - *started) / 1000);
}

// "512 MiB, 10 min, kept by cgroup v2: cpu, memory, pids".
std::string limits_of(const jobs::Job& job) {
  if (job.details.limits.empty()) return "";
  std::vector<std::string> parts;
  if (job.spec.memory_bytes > 0) {
    parts.push_back(jobs::bytes_text(static_cast<double>(job.spec.memory_bytes)));
  }
  if (job.spec.timeout_s > 0) parts.push_back(jobs::seconds_text(job.spec.timeout_s));
  parts.push_back("kept by " + job.details.limits);
  return join(parts, ", ");
}

int list(const Words& words) {
  Wanted wanted;
  Arguments arguments("jobs list", "Lists jobs, the newest first.");
  arguments.text("--name", wanted.name, "Only jobs of this name");
  arguments.text("--status", wanted.status,
                 "Only these, with commas between: pending, running, succeeded, failed, timeout, "
                 "canceled");
  arguments.flag("--json", wanted.as_json, "As JSON");
  wanted.lab.declare(arguments);
  if (!arguments.parse(words)) return 0;
  TrackingDoor door(wanted.lab);
  const std::string answer =
      door.get("sandbox/jobs", {{"name", wanted.name}, {"status", wanted.status}});
  if (wanted.as_json) {
    std::printf("%s\n", answer.c_str());
    return 0;
  }
  const auto page = from_json<jobs::JobPage>(answer);
  if (page.jobs.empty()) {
    std::printf("There is no job yet: `%s run -- python train.py` makes one.\n", program().c_str());
    return 0;
  }
  std::printf("%-36s  %-9s  %-20s  %-19s  %-8s  %s\n", "JOB", "STATUS", "NAME", "CREATED", "TOOK",
              "");
  for (const jobs::Job& job : page.jobs) {
    const std::string note = job.error_message.empty() ? job.status_message : job.error_message;
    std::printf("%-36s  %-9s  %-20s  %-19s  %-8s  %s\n", job.job_id.c_str(), job.status.c_str(),
                std::string(utf8_prefix(job.name, 20)).c_str(),
                iso8601_ms(job.creation_time).substr(0, 19).c_str(), duration_text(job).c_str(),
                std::string(utf8_prefix(note, 80)).c_str());
  }
  return 0;
}

bool parse_one(const char* command, const char* about, Wanted& wanted, const Words& words) {
  Arguments arguments(std::string("jobs ") + command, about);
  arguments.text("job_id", wanted.job_id, "The job's id");
  if (std::string_view(command) == "logs") {
    arguments.flag("--follow,-f", wanted.follow, "Go on until the job has ended, or Ctrl-C");
  } else {
    arguments.flag("--json", wanted.as_json, "As JSON");
  }
  wanted.lab.declare(arguments);
  if (!arguments.parse(words)) return false;
  if (wanted.job_id.empty()) {
    throw Error(Code::invalid_parameter_value,
                std::string("Say which job: jobs ") + command + " ID. `jobs list` has the ids.");
  }
  return true;
}

int show(const Words& words) {
  Wanted wanted;
  if (!parse_one("show", "Shows a job.", wanted, words)) return 0;
  TrackingDoor door(wanted.lab);
  const jobs::Job job = ask_job(door, wanted.job_id);
  if (wanted.as_json) {
    std::printf("%s\n", to_json(job).c_str());
    return 0;
  }
  const auto line = [](const char* name, const std::string& value) {
    if (!value.empty()) std::printf("%-12s %s\n", name, value.c_str());
  };
  line("job", job.job_id);
  line("name", job.name);
  line("status", state_text(job));
  line("command", jobs::command_text(job.spec.command));
  line("directory", job.spec.working_dir);
  line("run", job.details.run_id);
  line("attempt", job.details.attempt > 0 ? std::to_string(job.details.attempt) : "");
  line("limits", limits_of(job));
  line("GPUs", join(job.details.gpus, ", "));
  line("created", iso8601_ms(job.creation_time));
  line("started", job.details.started_ms ? iso8601_ms(*job.details.started_ms) : "");
  line("ended", job.details.ended_ms ? iso8601_ms(*job.details.ended_ms) : "");
  line("took", duration_text(job));
  line("exit code", job.details.exit_code ? std::to_string(*job.details.exit_code) : "");
  if (!job.is_here) line("", "A lab with another data directory runs it.");
  return 0;
}

int show_logs(const Words& words) {
  Wanted wanted;
  if (!parse_one("logs", "Shows what a job has printed.", wanted, words)) return 0;
  TrackingDoor door(wanted.lab);
  show_log(door, wanted.job_id, {.follow = wanted.follow});
  return 0;
}

int change(const char* command, const char* about, const Words& words) {
  Wanted wanted;
  if (!parse_one(command, about, wanted, words)) return 0;
  TrackingDoor door(wanted.lab);
  const std::string path = "sandbox/jobs/" + percent_encode(wanted.job_id);
  if (std::string_view(command) == "rm") {
    door.remove(path);
    std::printf("Removed. Its run stays.\n");
    return 0;
  }
  const std::string answer = door.post(path + "/" + command, "{}");
  if (wanted.as_json) {
    std::printf("%s\n", answer.c_str());
  } else {
    std::printf("%s\n", state_text(from_json<jobs::Job>(answer)).c_str());
  }
  return 0;
}

}  // namespace

int jobs(const Words& words) {
  const std::string verb = words.empty() ? "" : words[0];
  const Words rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (verb == "list" || verb == "ls") return list(rest);
  if (verb == "show") return show(rest);
  if (verb == "logs") return show_logs(rest);
  if (verb == "cancel") return change("cancel", "Stops a job, or does not start it.", rest);
  if (verb == "retry") return change("retry", "Runs a job again that did not succeed.", rest);
  if (verb == "rm") return change("rm", "Removes a job that has ended; its run stays.", rest);
  const bool is_help = verb == "--help" || verb == "-h";
  std::fputs(
      "Usage: mlops-sandbox jobs list|show|logs|cancel|retry|rm (each has --help)\n\n"
      "  list             the newest first\n"
      "  show ID          one of them\n"
      "  logs ID [-f]     what it has printed\n"
      "  cancel ID        stop it, or do not start it\n"
      "  retry ID         run it again when it did not succeed\n"
      "  rm ID            remove it; its run stays\n\n"
      "`run -- COMMAND` makes one.\n",
      is_help ? stdout : stderr);
  return is_help ? 0 : 2;
}

}  // namespace sandbox::cli
