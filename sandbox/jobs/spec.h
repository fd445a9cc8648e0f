// What a job is asked to be. Kept as JSON in the column `params` of MLflow's jobs table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::jobs {

inline constexpr std::int64_t retries_max = 100;
inline constexpr std::size_t command_bytes_max = std::size_t{128} << 10;  // what Linux takes in one
inline constexpr std::size_t secret_bytes_min = 4;  // shorter ones would mask half of the log

struct JobSpec {
  std::vector<std::string> command;  // the program and its arguments; no shell
  std::string name;                  // "": the program's or script's name
  std::string experiment_name;       // "": the first one that the command sets, else Default
  std::string working_dir;           // absolute
  double cpus = 1;                   // cores that are set aside
  std::int64_t memory_bytes = 0;     // the limit; 0: none
  std::int64_t gpus = 0;
  double timeout_s = 0;      // of one attempt; 0: none
  std::int64_t retries = 0;  // further attempts after a failure
  std::int64_t priority = 0;
  std::vector<std::string> after;          // jobs that have to succeed first
  std::vector<tracking::KeyValue> env;     // on top of what every job gets
  std::vector<std::string> secrets;        // names of variables whose values are masked in the log
  std::vector<std::string> kept_secrets;   // names of those that the lab keeps (secrets.h)
  std::vector<std::string> kept_config;    // of its configuration
  bool has_all_config = false;             // every name of it
  std::string git_commit;                  // of the working directory
  std::vector<tracking::KeyValue> params;  // logged as params of the run
  std::vector<std::string> aliases;        // NAME:PORT=tracking|s3|HOST:PORT (aliases.h)
  std::string entry_point;                 // of an MLproject folder; "" for a plain command
  std::string cron;                        // when jobs are made of it, again and again (cron.h)
  std::string schedule_id;                 // the job that it was made of by its cron
  static constexpr auto fields() {
    return std::tuple{
        field("command", &JobSpec::command, "The program and its arguments; no shell reads them."),
        field("name", &JobSpec::name, "A name for people; the script's name when absent."),
        field("experiment_name", &JobSpec::experiment_name,
              "The experiment of the job's run; made where there is none. Absent: the first one "
              "that the command sets itself, else Default."),
        field("working_dir", &JobSpec::working_dir, "Where it runs, an absolute path."),
        field("cpus", &JobSpec::cpus, "Cores that are set aside for it."),
        field("memory_bytes", &JobSpec::memory_bytes, "It is stopped above this; 0 is no limit."),
        field("gpus", &JobSpec::gpus, "GPUs that are set aside for it."),
        field("timeout_s", &JobSpec::timeout_s, "Seconds an attempt may take; 0 is no limit."),
        field("retries", &JobSpec::retries, "Further attempts after one that failed."),
        field("priority", &JobSpec::priority, "Higher ones start first."),
        field("after", &JobSpec::after, "Ids of jobs that have to succeed before it starts."),
        field("env", &JobSpec::env, "Further environment variables."),
        field("secrets", &JobSpec::secrets, "Names of the variables whose values are masked."),
        field("kept_secrets", &JobSpec::kept_secrets,
              "Names of secrets that the lab keeps; each becomes a variable and is masked."),
        field("kept_config", &JobSpec::kept_config,
              "Names of the lab's kept configuration; each becomes a variable."),
        field("has_all_config", &JobSpec::has_all_config,
              "All of the kept configuration, whatever there is when an attempt begins."),
        field("git_commit", &JobSpec::git_commit, "The commit of the working directory."),
        field("params", &JobSpec::params, "Params of the run."),
        field("aliases", &JobSpec::aliases, "Addresses that lead to the lab: NAME:PORT=tracking."),
        field("entry_point", &JobSpec::entry_point, "Of an MLproject folder."),
        field("cron", &JobSpec::cron, "Make a job of it at each such time, as cron writes them."),
        field("schedule_id", &JobSpec::schedule_id, "The job with the cron that made this one.")};
  }
};

// Fills in the name, and throws Error(invalid_parameter_value) for what cannot be: no command, a
// working directory that is not there, negative numbers, names of variables with '=' in them.
void complete(JobSpec& spec);

// "512M", "2G", "1.5Gi", "800000": bytes, K, M and G being powers of 1024. nullopt for other texts.
std::optional<std::int64_t> parse_bytes(std::string_view text);

// A command as a shell would read it, for people.
std::string command_text(const std::vector<std::string>& command);

}  // namespace sandbox::jobs
