#include "trainers/train_context.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include <sys/ioctl.h>
#include <unistd.h>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "trainers/stop_signal.h"

namespace trainers {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t flush_ms = 1'000;
constexpr std::int64_t retry_ms = 3'000;
constexpr std::size_t waiting_metrics_max = 1'000'000;
constexpr const char* unsent_name = "unsent.jsonl";
constexpr std::size_t value_bytes_max = 5'000;  // of a tag, MLflow's limit

std::string experiment_name(const Variables& environment,
                            const Trainer& trainer,
                            const RunSettings& run) {
  if (!run.experiment.empty()) return run.experiment;
  return environment("MLFLOW_EXPERIMENT_NAME").value_or(trainer.name);
}

std::map<std::string, std::string> first_tags(const Variables& environment,
                                              const Trainer& trainer) {
  std::map<std::string, std::string> tags{
      {"mlflow.source.type", "LOCAL"},
      {"mlflow.source.name", "mlops-sandbox train " + trainer.name},
      {trainer_tag, trainer.name}};
  for (const char* variable : {"LOGNAME", "USER"}) {
    if (const auto user = environment(variable)) tags["mlflow.user"] = *user;
  }
  return tags;
}

// The first `max` of a map, taken out of it.
std::map<std::string, std::string> first_of(std::map<std::string, std::string> all,
                                            std::size_t max) {
  if (all.size() > max)
    all.erase(std::next(all.begin(), static_cast<std::ptrdiff_t>(max)), all.end());
  return all;
}

void erase_keys(std::map<std::string, std::string>& from,
                const std::map<std::string, std::string>& keys) {
  for (const auto& [key, value] : keys) from.erase(key);
}

std::size_t terminal_columns() {
  winsize size{};
  const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return is_known ? size.ws_col : 80;
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

}  // namespace

TrainContext::TrainContext(sandbox::Env& env,
                           const Variables& environment,
                           const Trainer& trainer,
                           const RunSettings& run)
    : env_(env),
      client_(environment),
      settings_(run),
      is_resumed_(!run.resume.empty()),
      is_terminal_(isatty(STDERR_FILENO) == 1) {
  try {
    const auto given = environment("MLFLOW_RUN_ID");
    if (is_resumed_ || given) {
      run_ = client_.run(is_resumed_ ? run.resume : *given);
      client_.set_status(run_.run_id, "RUNNING", 0);
      tags_[trainer_tag] = trainer.name;
    } else {
      const std::string id = client_.experiment_id(experiment_name(environment, trainer, run));
      run_ = client_.create_run(id, run.run_name, env.now_ms(), first_tags(environment, trainer));
    }
  } catch (const ServerAway& away) {
    throw Error(Code::invalid_state, away.why + ". Nothing was begun.");
  }
  try {
    client_.check_artifact_root(run_);  // better now than after hours of training
    open_directory();
    if (is_resumed_) take_unsent();
  } catch (const Error& error) {
    client_.log_batch(run_.run_id, {}, {}, {{"mlflow.note.content", error.message()}});
    client_.set_status(run_.run_id, "FAILED", env_.now_ms());
    throw;
  }
}

TrainContext::TrainContext(sandbox::Env& env,
                           const Variables& environment,
                           const RunSettings& run,
                           const Earlier& earlier)
    : env_(env),
      client_(environment),
      settings_(run),
      is_earlier_(true),
      is_terminal_(isatty(STDERR_FILENO) == 1) {
  try {
    run_ = client_.run(earlier.run_id);
  } catch (const ServerAway& away) {
    throw Error(Code::invalid_state, away.why + ". Nothing was begun.");
  }
  open_directory();
}

TrainContext::~TrainContext() {
  show_progress("");
}

void TrainContext::open_directory() {
  directory_ = fs::absolute(settings_.output) / run_.run_id;
  std::error_code failure;
  fs::create_directories(directory_, failure);
  metrics_file_.open(directory_ / "metrics.jsonl", std::ios::app);
  if (failure || !metrics_file_) {
    throw Error(Code::invalid_state, "The directory " + directory_.string() + " cannot be written" +
                                         (failure ? ": " + failure.message() : std::string()) +
                                         ". Say another with --output.");
  }
}

// What a server that stayed away did not get, for a run that goes on.
void TrainContext::keep_unsent() {
  const fs::path file = directory_ / unsent_name;
  const fs::path part = file.string() + ".part";
  std::ofstream out(part, std::ios::trunc);
  for (const Metric& metric : metrics_) out << sandbox::to_json(metric) << '\n';
  out.close();
  std::error_code failure;
  if (out) fs::rename(part, file, failure);
}

void TrainContext::take_unsent() {
  std::ifstream file(directory_ / unsent_name);
  for (std::string line; std::getline(file, line);) {
    metrics_.push_back(sandbox::from_json<Metric>(line));
  }
  has_unsent_ = !metrics_.empty();
}

bool TrainContext::is_stopping() const {
  return is_stop_signalled();
}

void TrainContext::log_param(const std::string& key, const std::string& value) {
  if (!run_.params.contains(key)) params_.try_emplace(key, value);
}

void TrainContext::log_param(const std::string& key, std::int64_t value) {
  log_param(key, value_text(value));
}

void TrainContext::log_param(const std::string& key, double value) {
  log_param(key, value_text(value));
}

void TrainContext::log_param(const std::string& key, bool value) {
  log_param(key, value ? "True" : "False");
}

void TrainContext::log_metric(const std::string& key, double value, std::int64_t step) {
  metrics_.push_back({key, value, env_.now_ms(), step});
  // The oldest are in the file below; a server that comes back gets what there is room for.
  if (metrics_.size() > waiting_metrics_max) metrics_.pop_front();
  metrics_file_ << sandbox::to_json(metrics_.back()) << '\n';
}

void TrainContext::set_tag(const std::string& key, const std::string& value) {
  tags_[key] = value.substr(0, value_bytes_max);
}

void TrainContext::log_file(const fs::path& file, const std::string& folder) {
  const std::string artifact = joined(folder, file.filename().string());
  std::erase_if(uploads_, [&](const Upload& one) { return one.artifact == artifact; });
  uploads_.push_back({file, artifact});
}

void TrainContext::log_folder(const fs::path& local, const std::string& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(local)) {
    if (!entry.is_regular_file()) continue;
    const fs::path below = fs::relative(entry.path(), local).parent_path();
    log_file(entry.path(), below.empty() ? folder : joined(folder, below.generic_string()));
  }
}

std::optional<fs::path> TrainContext::fetch(const std::string& artifact) {
  const fs::path local = directory_ / artifact;
  if (fs::exists(local)) return local;
  fs::create_directories(local.parent_path());
  try {
    if (client_.download(run_, artifact, local)) return local;
  } catch (const ServerAway& away) {
    throw Error(Code::invalid_state, away.why + ", and it has the run's " + artifact + ".");
  }
  return std::nullopt;
}

bool TrainContext::fetch_folder(const std::string& artifact) {
  if (fs::is_directory(directory_ / artifact)) return true;
  std::vector<ArtifactInfo> entries;
  try {
    entries = client_.list(run_, artifact);
  } catch (const ServerAway& away) {
    throw Error(Code::invalid_state, away.why + ", and it has the run's " + artifact + ".");
  }
  for (const ArtifactInfo& entry : entries) {
    if (entry.is_folder) {
      fetch_folder(entry.path);
    } else {
      fetch(entry.path);
    }
  }
  return !entries.empty();
}

void TrainContext::flush(bool now) {
  const std::int64_t at = env_.now_ms();
  if (server_is_away_ ? at < next_attempt_ms_ : !now && at - last_flush_ms_ < flush_ms) return;
  last_flush_ms_ = at;
  metrics_file_.flush();
  send_waiting();
}

bool TrainContext::send_waiting() {
  try {
    send_values();
    send_files();
    if (server_is_away_) say("The tracking server is there again; it has everything now.");
    server_is_away_ = false;
    return true;
  } catch (const ServerAway& away) {
    show_away(away.why);
    next_attempt_ms_ = env_.now_ms() + retry_ms;
    return false;
  }
}

void TrainContext::show_away(const std::string& why) {
  if (server_is_away_) return;
  server_is_away_ = true;
  say(why + ". What is logged waits for it; files are in " + directory_.string() + ".");
}

void TrainContext::send_values() {
  while (!params_.empty() || !tags_.empty() || !metrics_.empty()) {
    const auto params = first_of(params_, batch_values_max);
    const auto tags = first_of(tags_, batch_values_max);
    const std::size_t room = batch_metrics_max - params.size() - tags.size();
    const auto count = static_cast<std::ptrdiff_t>(std::min(metrics_.size(), room));
    const std::vector<Metric> metrics(metrics_.begin(), metrics_.begin() + count);
    client_.log_batch(run_.run_id, metrics, params, tags);
    metrics_.erase(metrics_.begin(), metrics_.begin() + count);
    erase_keys(params_, params);
    erase_keys(tags_, tags);
  }
  if (has_unsent_) {
    std::error_code failure;
    fs::remove(directory_ / unsent_name, failure);
    has_unsent_ = false;
  }
  if (datasets_.empty()) return;
  client_.log_inputs(run_.run_id, datasets_);
  datasets_.clear();
}

void TrainContext::send_files() {
  while (!uploads_.empty()) {
    client_.upload(run_, uploads_.front().file, uploads_.front().artifact);
    uploads_.pop_front();
  }
}

void TrainContext::say(const std::string& line) {
  const std::string text = (bar_is_shown_ ? "\r\033[K" : "") + line + "\n";
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
  bar_is_shown_ = false;
}

void TrainContext::show_progress(const std::string& line) {
  if (!is_terminal_ || (line.empty() && !bar_is_shown_)) return;
  // A line that wraps could not be taken back.
  const std::string text(sandbox::utf8_prefix(line, terminal_columns() - 1));
  std::fprintf(stderr, "\r%s\033[K", text.c_str());
  std::fflush(stderr);
  bar_is_shown_ = !line.empty();
}

// Tries again until it works or the person's patience ends.
void TrainContext::wait_for(const std::function<void()>& attempt) {
  const std::int64_t give_up_ms = env_.now_ms() + settings_.wait_minutes * 60'000;
  while (true) {
    try {
      attempt();
      return;
    } catch (const ServerAway& away) {
      if (env_.now_ms() >= give_up_ms) {
        keep_unsent();
        throw Error(Code::temporarily_unavailable,
                    away.why + ", and --wait-minutes is over. Everything of run " + run_.run_id +
                        " that it does not have is in " + directory_.string() + ".");
      }
      show_away(away.why);
      show_progress("waiting for the tracking server; Ctrl-C ends that");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

void TrainContext::register_model() {
  const std::string& name = settings_.register_as;
  if (!registration_refusal_.empty()) {
    say("Not registered as " + name + ": " + registration_refusal_);
    return;
  }
  if (model_folder_.empty()) {
    throw Error(Code::invalid_state, "There is no model to register as " + name + ".");
  }
  std::string version;
  wait_for([&] {
    version = client_.create_version(name, run_.artifact_uri + "/" + model_folder_, run_.run_id);
  });
  say("Registered as version " + version + " of " + name + ".");
  if (settings_.alias.empty()) return;
  wait_for([&] { client_.set_alias(name, settings_.alias, version); });
  say("models:/" + name + "@" + settings_.alias + " is this model now.");
}

void TrainContext::finish(const std::string& status, const std::string& sentence) {
  if (!sentence.empty()) set_tag("mlflow.note.content", sentence);
  metrics_file_.flush();
  if (is_stop_signalled() && server_is_away_) {
    say("Waiting for the tracking server; Ctrl-C again ends at once.");
  }
  wait_for([&] {
    send_values();
    send_files();
  });
  show_progress("");
  if (is_earlier_) return;
  const auto set_status = [&] {
    wait_for([&] { client_.set_status(run_.run_id, status, env_.now_ms()); });
  };
  if (status == "FINISHED" && !settings_.register_as.empty()) {
    try {
      register_model();
    } catch (const Error&) {
      set_status();  // the training itself went well
      throw;
    }
  }
  set_status();
}

}  // namespace trainers
