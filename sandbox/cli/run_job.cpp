#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/job_log.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cli/replay.h"
#include "sandbox/jobs/jobs.h"
#include "sandbox/jobs/mlproject.h"
#include "sandbox/jobs/shim.h"
#include "sandbox/upkeep/age.h"
#include "trainers/trainer.h"

// A command as a job of the lab.
namespace sandbox::cli {
namespace {

namespace fs = std::filesystem;

// Of the caller's environment a job gets what says where programs and libraries lie.
constexpr std::array passed_on{
    "PATH",       "HOME",       "USER",        "LOGNAME",      "SHELL",
    "LANG",       "LC_ALL",     "LC_CTYPE",    "TZ",           "TMPDIR",
    "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_LIBRARY_PATH",
    "JAVA_HOME",  "CUDA_HOME"};

std::string environment(const std::string& name) {
  return process_environment()(name).value_or("");
}

struct RunAnswer {
  tracking::Run run;
  static constexpr auto fields() { return std::tuple{field("run", &RunAnswer::run)}; }
};

struct TrainerSettings {
  TextMap settings;
  static constexpr auto fields() {
    return std::tuple{field("settings", &TrainerSettings::settings)};
  }
};

struct Wanted {
  jobs::NewJob job;
  std::string memory;
  std::string timeout;
  std::string cpus;
  std::string directory;
  std::string python;
  std::vector<std::string> variables;
  std::vector<std::string> secrets;
  std::string project;
  std::string entry_point = "main";
  std::vector<std::string> params;
  std::string from_run;
  bool is_replay = false;
  bool is_detached = false;
  bool as_json = false;
  LabFlags lab;
};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// "NAME=value", or "NAME" for the caller's own value.
tracking::KeyValue variable_of(const std::string& text, const std::string& flag) {
  const std::size_t equals = text.find('=');
  if (equals != std::string::npos) return {text.substr(0, equals), text.substr(equals + 1)};
  const std::string value = environment(text);
  if (value.empty()) {
    refuse(flag + " " + text + ": this shell has no variable " + text + ". Set it, or write " +
           flag + " " + text + "=VALUE.");
  }
  return {text, value};
}

// A secret of this shell, else one that the lab keeps.
void take_secret(Wanted& wanted, const std::string& text) {
  if (text.find('=') == std::string::npos && environment(text).empty()) {
    wanted.job.spec.kept_secrets.push_back(text);
  } else {
    wanted.job.secrets.push_back(variable_of(text, "--secret"));
  }
}

// First in PATH, as its `activate` does it. The directory, or the interpreter in it.
void choose_python(Wanted& wanted) {
  if (wanted.python.empty()) return;
  fs::path place = fs::absolute(wanted.python).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  if (fs::exists(place) && !fs::is_directory(place)) place = place.parent_path().parent_path();
  if (!fs::exists(place / "bin" / "python")) {
    refuse("--python: there is no Python environment in " + place.string() +
           " (no bin/python). Make one: python3 -m venv " + shell_word(place.string()) + ".");
  }
  auto& env = wanted.job.spec.env;
  std::erase_if(env, [](const auto& one) { return one.key == "PYTHONHOME"; });
  env.push_back({"VIRTUAL_ENV", place.string()});
  env.push_back({"PATH", (place / "bin").string() + ":" + environment("PATH")});
}

// The commit that is checked out there; "" outside of git.
std::string git_commit(const std::string& directory) {
  const std::string command = "git -C " + shell_word(directory) + " rev-parse HEAD 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");  // NOLINT(cert-env33-c): a fixed command
  if (pipe == nullptr) return "";
  std::array<char, 128> out{};
  const bool has_line = std::fgets(out.data(), out.size(), pipe) != nullptr;
  return pclose(pipe) == 0 && has_line ? std::string(trim(out.data())) : "";
}

bool declare(Wanted& wanted, const Words& words) {
  jobs::JobSpec& spec = wanted.job.spec;
  Arguments arguments("run",
                      "Runs a command as a job of the running lab: with a run of its own, its log "
                      "kept, its use measured, its limits held.");
  arguments.text("--name", spec.name, "A name for the job and its run [the script's]");
  arguments.text("--experiment", spec.experiment_name,
                 "The experiment of its run; without it the one the script sets, else Default");
  arguments.text("--cpus", wanted.cpus, "Cores that are set aside for it, e.g. 0.5 [1]");
  arguments.text("--mem", wanted.memory, "Stop it above so much memory, e.g. 512M, 2G");
  arguments.number("--gpus", spec.gpus, "GPUs that it alone has and sees [0]");
  arguments.text("--timeout", wanted.timeout, "Stop an attempt after so long, e.g. 90s, 10m, 2h");
  arguments.number("--retries", spec.retries, "Try again so often, with growing pauses [0]");
  arguments.number("--priority", spec.priority, "Higher ones start first [0]");
  arguments.text("--cron", spec.cron,
                 "Run it at each such time, e.g. '0 3 * * *' or @hourly, until `jobs cancel`");
  arguments.list("--after", spec.after, "Start once this job has succeeded; several times");
  arguments.list("--env", wanted.variables, "NAME=VALUE, or NAME for the value it has here");
  arguments.list("--secret", wanted.secrets,
                 "The same, else what `secret set NAME` keeps; the log shows the value as ***");
  arguments.list("--config", spec.kept_config, "NAME as `config set` keeps it; several times");
  arguments.flag("--all-config", spec.has_all_config, "All that `config set` keeps");
  arguments.list("--alias", spec.aliases,
                 "NAME:PORT=tracking or =s3: an address in the script that shall lead to the lab; "
                 "those in .svc.cluster.local do already");
  arguments.text("--python", wanted.python, "The Python environment (venv) to run it in");
  arguments.text("--dir", wanted.directory, "Where it runs [here]");
  arguments.text("--project", wanted.project, "Run this MLproject folder instead of a command");
  arguments.text("--entry-point,-e", wanted.entry_point, "Of the project [main]");
  arguments.list("--param,-P", wanted.params, "NAME=VALUE for the project; several times");
  arguments.text("--from-run", wanted.from_run,
                 "Run again what the job of this run ran; secrets have to be given again");
  arguments.flag("--replay", wanted.is_replay,
                 "With --from-run: say whether code, data and every metric came out the same");
  arguments.flag("--detach,-d", wanted.is_detached, "Print the job's id and leave it to itself");
  arguments.flag("--json", wanted.as_json, "With --detach: the job as JSON");
  wanted.lab.declare(arguments, false);
  arguments.footer(
      "Everything after -- is the command; no shell reads it. Its log is shown until it ends, its "
      "exit code is\nhanded on, and Ctrl-C cancels it.\n"
      "\nA job is told where the lab is: MLFLOW_TRACKING_URI, MLFLOW_TRACKING_TOKEN, "
      "MLFLOW_RUN_ID,\n"
      "MLFLOW_EXPERIMENT_NAME, MLFLOW_S3_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. "
      "The keys are its own\nand end with it. `jobs show` says what keeps its limits.\n"
      "\nExamples:\n"
      "  mlops-sandbox run -- python train.py\n"
      "  mlops-sandbox run --mem 2G --timeout 1h --retries 2 --detach -- python train.py --lr 0.1\n"
      "  mlops-sandbox run --python ./venv --secret HF_TOKEN -- python train.py\n"
      "  mlops-sandbox run --project ./project -e train -P lr=0.1\n"
      "  mlops-sandbox run --from-run 0123456789abcdef0123456789abcdef --replay\n"
      "  mlops-sandbox jobs list");
  return arguments.parse(words);
}

void take_project(Wanted& wanted) {
  std::vector<tracking::KeyValue> params;
  for (const std::string& text : wanted.params) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) refuse("-P " + text + ": write -P NAME=VALUE.");
    params.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  jobs::JobSpec& spec = wanted.job.spec;
  jobs::ProjectRun project = jobs::project_run(wanted.project, wanted.entry_point, params);
  if (spec.name.empty()) spec.name = project.name;
  spec.command = std::move(project.command);
  spec.entry_point = std::move(project.entry_point);
  spec.params = std::move(project.params);
  wanted.directory = wanted.project;
}

void take_environment(jobs::JobSpec& spec) {
  for (const char* name : passed_on) {
    if (const std::string value = environment(name); !value.empty()) {
      spec.env.push_back({name, value});
    }
  }
}

void take_job(Wanted& wanted, jobs::JobSpec then) {
  if (!then.secrets.empty() && wanted.secrets.empty()) {
    refuse("That job had secrets, which are not kept: give --secret " +
           join(then.secrets, " --secret ") + ".");
  }
  jobs::JobSpec& now = wanted.job.spec;
  then.secrets.clear();
  then.after = now.after;
  then.priority = now.priority;
  if (!now.name.empty()) then.name = now.name;
  if (!now.experiment_name.empty()) then.experiment_name = now.experiment_name;
  if (now.retries != 0) then.retries = now.retries;
  if (now.gpus != 0) then.gpus = now.gpus;
  const auto add = [](std::vector<std::string>& to, const std::vector<std::string>& names) {
    to.insert(to.end(), names.begin(), names.end());
  };
  add(then.kept_config, now.kept_config);
  then.has_all_config = then.has_all_config || now.has_all_config;
  if (wanted.directory.empty()) wanted.directory = then.working_dir;
  now = std::move(then);
}

// A training of a built-in trainer, with its settings of then.
void take_training(Wanted& wanted, const std::string& trainer, const std::string& settings) {
  jobs::JobSpec& spec = wanted.job.spec;
  spec.command = {fs::read_symlink("/proc/self/exe").string(), "train", trainer};
  for (const auto& [name, value] : from_json<TrainerSettings>(settings).settings) {
    spec.command.push_back("--" + name + "=" + value);
  }
  if (spec.name.empty()) spec.name = "train " + trainer;
  take_environment(spec);
}

// What a run came from: a job's command, its place and its environment of then, or a trainer's
// settings. What the flags say now wins.
void take_run(Wanted& wanted, TrackingDoor& door) {
  const std::string answer = door.get("2.0/mlflow/runs/get", {{"run_id", wanted.from_run}});
  std::map<std::string, std::string> tags;
  for (const auto& tag : from_json<RunAnswer>(answer).run.data.tags) tags[tag.key] = tag.value;
  const std::string job_id = tags[std::string(jobs::job_tag)];
  if (job_id.empty() && tags.contains(::trainers::trainer_tag)) {
    take_training(wanted, tags[::trainers::trainer_tag], tags[::trainers::settings_tag]);
    return;
  }
  if (job_id.empty()) {
    refuse("Run " + wanted.from_run +
           " was made by no job, so what it ran is not known. Type it: run -- COMMAND.");
  }
  take_job(wanted, ask_job(door, job_id).spec);
}

void fill(Wanted& wanted) {
  jobs::JobSpec& spec = wanted.job.spec;
  spec.working_dir =
      (wanted.directory.empty() ? fs::current_path() : fs::absolute(wanted.directory)).string();
  if (!wanted.memory.empty()) {
    const auto bytes = jobs::parse_bytes(wanted.memory);
    if (!bytes) refuse("--mem " + wanted.memory + " is no size: write 512M or 2G.");
    spec.memory_bytes = *bytes;
  }
  if (!wanted.cpus.empty()) {
    const auto cpus = parse_double(wanted.cpus);
    if (!cpus || !(*cpus > 0)) refuse("--cpus " + wanted.cpus + " is no number of cores.");
    spec.cpus = *cpus;
  }
  if (!wanted.timeout.empty()) {
    const bool is_plain = wanted.timeout.find_first_not_of("0123456789.") == std::string::npos;
    spec.timeout_s =
        static_cast<double>(upkeep::parse_age(wanted.timeout + (is_plain ? "s" : ""))) / 1000;
  }
  choose_python(wanted);
  for (const std::string& text : wanted.variables) spec.env.push_back(variable_of(text, "--env"));
  for (const std::string& text : wanted.secrets) {
    take_secret(wanted, text);
  }
  spec.git_commit = git_commit(spec.working_dir);
}

int say_comparison(TrackingDoor& door, const std::string& then_id, const std::string& now_id) {
  const Comparison comparison = compare_runs(door, then_id, now_id);
  for (const std::string& note : comparison.notes) std::fprintf(stderr, "%s\n", note.c_str());
  std::printf("%s\n", comparison.verdict.c_str());
  return comparison.is_same ? 0 : 1;
}

}  // namespace

int run_job(const Words& words) {
  const auto line = std::find(words.begin(), words.end(), "--");
  Words options(words.begin(), line);
  const Words command(line == words.end() ? line : line + 1, words.end());
  if (command.size() == 1 && (command[0] == "--help" || command[0] == "-h")) options = command;
  Wanted wanted;
  if (!declare(wanted, options)) return 0;
  if (static_cast<int>(line != words.end()) + static_cast<int>(!wanted.project.empty()) +
          static_cast<int>(!wanted.from_run.empty()) !=
      1) {
    refuse("Say one thing to run: -- COMMAND, --project DIR or --from-run ID.");
  }
  if (wanted.is_replay && (wanted.from_run.empty() || wanted.is_detached)) {
    refuse("--replay compares when the run has ended: it goes with --from-run, without --detach.");
  }
  TrackingDoor door(wanted.lab);
  if (!wanted.from_run.empty()) {
    take_run(wanted, door);
  } else {
    take_environment(wanted.job.spec);
    wanted.job.spec.command = command;
    if (!wanted.project.empty()) take_project(wanted);
  }
  fill(wanted);
  const std::string answer = door.post("sandbox/jobs", to_json(wanted.job));
  const auto job = from_json<jobs::Job>(answer);
  if (wanted.is_detached || !job.spec.cron.empty()) {
    std::printf("%s\n", wanted.as_json ? answer.c_str() : job.job_id.c_str());
    return 0;
  }
  std::fprintf(stderr, "Job %s, run %s\n", job.job_id.c_str(), job.details.run_id.c_str());
  const jobs::Job ended = show_log(door, job.job_id, {.follow = true, .cancel_by_signal = true});
  std::fprintf(stderr, "Job %s\n", state_text(ended).c_str());
  if (ended.state() == jobs::Status::succeeded) {
    return wanted.is_replay ? say_comparison(door, wanted.from_run, ended.details.run_id) : 0;
  }
  const std::int64_t code = ended.details.exit_code.value_or(1);
  return code > 0 && code < 256 ? static_cast<int>(code) : 1;
}

int shim(const Words& words) {
  if (words.size() != 1) {
    throw Error(Code::invalid_parameter_value, "shim is the server's own: it starts jobs.");
  }
  return jobs::run_shim(words[0]);
}

}  // namespace sandbox::cli
