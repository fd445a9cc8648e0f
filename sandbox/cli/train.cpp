#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>

#include <unistd.h>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/cli/commands.h"
#include "sandbox/cli/lab.h"
#include "sandbox/cli/sweep.h"
#include "trainers/tracking_client.h"
#include "trainers/trainer.h"

// The built-in trainers. What was said is checked here, before anything heavy is loaded; then this
// process becomes the trainer's own program, so that signals and the exit code are that program's.
namespace sandbox::cli {
namespace {

namespace fs = std::filesystem;
using Changes = std::map<std::string, std::string>;

// What the libraries read when they are loaded, unless the person has set it.
Changes library_settings() {
  Changes changes;
  const Environment environment = process_environment();
  // Threads that wait for each other sleep: beside other work, turning in circles costs them nine
  // tenths of their speed.
  if (!environment("OMP_WAIT_POLICY") && !environment("GOMP_SPINCOUNT")) {
    changes["OMP_WAIT_POLICY"] = "passive";
  }
#if defined(__x86_64__)
  // OpenBLAS takes its oldest kernels on processors that are younger than itself, unless told which
  // family they belong to.
  if (environment("OPENBLAS_CORETYPE")) return changes;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
    changes["OPENBLAS_CORETYPE"] = "SkylakeX";
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    changes["OPENBLAS_CORETYPE"] = "Haswell";
  }
#endif
  return changes;
}

// Takes "--data-dir DIR" or "--data-dir=DIR" out of the words.
std::string take_data_dir(Words& words) {
  std::string data_dir;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (name != "--data-dir" && name != "--data") continue;
    const bool is_two = equals == std::string::npos;
    if (is_two && i + 1 == words.size()) {
      throw Error(Code::invalid_parameter_value, word + " wants a directory.");
    }
    data_dir = is_two ? words[i + 1] : word.substr(equals + 1);
    const auto begin = words.begin() + static_cast<std::ptrdiff_t>(i);
    words.erase(begin, begin + (is_two ? 2 : 1));
    --i;
  }
  return data_dir;
}

// Data may lie in the lab's own buckets: without keys of another store, its are given.
void add_s3(Changes& changes, const LabState& state, const Environment& environment) {
  const bool is_ours = !state.s3_url.empty() && state.artifacts_endpoint.empty();
  if (!is_ours || environment("AWS_ACCESS_KEY_ID")) return;
  changes["MLFLOW_S3_ENDPOINT_URL"] = state.s3_url;
  changes["AWS_ACCESS_KEY_ID"] = state.access_key;
  changes["AWS_SECRET_ACCESS_KEY"] = state.secret_key;
  if (!state.tls_cert.empty()) changes["AWS_CA_BUNDLE"] = state.tls_cert;
}

// The variables that point the trainer at a tracking server: the lab that --data-dir names, else
// MLFLOW_TRACKING_URI as it is set, else the lab that runs in the usual place. And those of its
// libraries.
Changes tracking_variables(const std::string& data_dir_flag_value) {
  const Environment environment = process_environment();
  Changes changes = library_settings();
  if (data_dir_flag_value.empty() && environment("MLFLOW_TRACKING_URI")) return changes;
  const std::string data_dir = find_data_dir(data_dir_flag_value, environment);
  const auto state = running_lab(data_dir);
  if (!state) {
    throw Error(Code::invalid_state,
                "There is no tracking server to log to: no lab is running in " + data_dir +
                    ", and MLFLOW_TRACKING_URI is not set. Start one with `" + program() +
                    " up --detach" + data_dir_flag(data_dir) + "`.");
  }
  changes["MLFLOW_TRACKING_URI"] = state->tracking_url;
  if (!state->local_token.empty()) changes["MLFLOW_TRACKING_TOKEN"] = state->local_token;
  if (!state->tls_cert.empty()) changes["MLFLOW_TRACKING_SERVER_CERT_PATH"] = state->tls_cert;
  add_s3(changes, *state, environment);
  return changes;
}

::trainers::Variables with(const Changes& changes) {
  return [changes, environment = process_environment()](const std::string& name) {
    const auto found = changes.find(name);
    return found == changes.end() ? environment(name) : std::optional(found->second);
  };
}

// The program of a family lies beside this one.
std::string program_of(const ::trainers::Trainer& trainer) {
  std::error_code failure;
  const fs::path self = fs::read_symlink("/proc/self/exe", failure);
  const fs::path path = self.parent_path() / ("mlops-sandbox-train-" + trainer.family);
  if (failure || !fs::exists(path)) {
    throw Error(Code::invalid_state,
                "The trainer " + trainer.name + " is not built: " + path.string() +
                    " is missing. `./mlops-sandbox train` of a source tree installs its libraries "
                    "(the section [trainers] of packages.txt) and builds it.");
  }
  return path;
}

[[noreturn]] void become(const std::string& path, const Words& words, const Changes& changes) {
  Words variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!changes.contains(std::string(text.substr(0, text.find('=')))))
      variables.emplace_back(text);
  }
  for (const auto& [name, value] : changes) variables.push_back(name + "=" + value);
  const auto pointers = [](Words& texts) {
    std::vector<char*> list;
    for (std::string& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  };
  Words arguments{path};
  arguments.insert(arguments.end(), words.begin(), words.end());
  execve(path.c_str(), pointers(arguments).data(), pointers(variables).data());
  throw Error(Code::invalid_state, path + " cannot be started: " + std::strerror(errno));
}

bool has_help(const Words& words) {
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

void print_names() {
  for (const ::trainers::Trainer& trainer : ::trainers::trainers()) {
    std::printf("  %-20s %s\n", trainer.name.c_str(), trainer.summary.c_str());
  }
}

}  // namespace

int trainers(const Words& words) {
  Arguments arguments("trainers", "Lists the built-in trainers and what each can be told.");
  std::string name;
  arguments.text("name", name, "Only this one, with all its parameters");
  if (!arguments.parse(words)) return 0;
  if (!name.empty()) {
    std::fputs(::trainers::help_of(::trainers::trainer_named(name), program()).c_str(), stdout);
    return 0;
  }
  for (const ::trainers::Trainer& trainer : ::trainers::trainers()) {
    std::printf("%s: %s\n", trainer.name.c_str(), trainer.summary.c_str());
    for (const ::trainers::ParameterRow& row : trainer.parameters) {
      const std::string allowed = row.allowed_text();
      std::printf(
          "  %-18s %s\n", row.name.c_str(),
          (row.standard + (row.standard.empty() || allowed.empty() ? "" : "; ") + allowed).c_str());
    }
  }
  std::printf("\n`%s trainers NAME` says what each parameter means.\n", program().c_str());
  return 0;
}

int train(const Words& all_words) {
  if (all_words.empty() || all_words[0].starts_with('-')) {
    std::printf(
        "Usage: mlops-sandbox train NAME [--parameter value …] [--data-dir DIR]\n\n"
        "Trains with a built-in trainer and logs the run, its files and its model to the running "
        "lab, or to\nthe server that MLFLOW_TRACKING_URI names. The trainers:\n");
    print_names();
    std::printf("\n`%s train NAME --help` lists the parameters.\n", program().c_str());
    return has_help(all_words) ? 0 : 2;
  }
  const ::trainers::Trainer& trainer = ::trainers::trainer_named(all_words[0]);
  Words words(all_words.begin() + 1, all_words.end());
  if (has_help(words)) {
    std::fputs(::trainers::help_of(trainer, program()).c_str(), stdout);
    std::fputs(sweep_help, stdout);
    return 0;
  }
  const std::string data_dir = take_data_dir(words);
  const SweepOptions sweep = take_sweep(words);
  ::trainers::read_words(trainer, words, process_environment(), ::trainers::dotenv_here());
  const std::string path = program_of(trainer);
  const Changes changes = tracking_variables(data_dir);
  if (sweep.is_wanted()) return run_sweep(trainer, sweep, {path, words, changes});
  words.insert(words.begin(), {"train", trainer.name});
  become(path, words, changes);
}

int evaluate(const Words& all_words) {
  if (all_words.empty() || all_words[0].starts_with('-')) {
    std::printf(
        "Usage: mlops-sandbox evaluate RUN_ID [--parameter value …] [--data-dir DIR]\n\n"
        "Tests the model of a run of a built-in trainer again, on the images or rows held out, and "
        "writes the\nmetrics back into the run; with --data-path FILE, a trainer for tables on all "
        "rows of another file.\nWhat the run was trained with is known; parameters of the trainer "
        "change it.\n");
    return has_help(all_words) ? 0 : 2;
  }
  const std::string& run_id = all_words[0];
  Words words(all_words.begin() + 1, all_words.end());
  const Changes changes = tracking_variables(take_data_dir(words));
  std::map<std::string, std::string> tags;
  try {
    tags = ::trainers::TrackingClient(with(changes)).run(run_id).tags;
  } catch (const ::trainers::ServerAway& away) {
    throw Error(Code::invalid_state, away.why + ".");
  }
  const auto tag = tags.find(::trainers::trainer_tag);
  if (tag == tags.end()) {
    throw Error(Code::invalid_state,
                "Run " + run_id +
                    " was not made by a built-in trainer, so there is no telling how "
                    "its model is to be tested.");
  }
  const ::trainers::Trainer& trainer = ::trainers::trainer_named(tag->second);
  if (has_help(words)) {
    std::fputs(::trainers::help_of(trainer, program()).c_str(), stdout);
    return 0;
  }
  ::trainers::read_words(trainer, words, process_environment(), {});
  words.insert(words.begin(), {"evaluate", trainer.name, run_id});
  become(program_of(trainer), words, changes);
}

}  // namespace sandbox::cli
