#include "sandbox/cli/sweep.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <tuple>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "trainers/stop_signal.h"
#include "trainers/sweep/halving.h"
#include "trainers/sweep/space.h"
#include "trainers/sweep/strategy.h"
#include "trainers/tracking_client.h"

namespace sandbox::cli {
namespace {

namespace fs = std::filesystem;
using ::trainers::Dimension;
using ::trainers::Point;
using ::trainers::RunInfo;
using ::trainers::Space;
using ::trainers::Strategy;
using ::trainers::Texts;
using ::trainers::TrackingClient;

constexpr const char* sweep_tag = "sandbox.sweep";          // of the parent: Plan
constexpr const char* trial_tag = "sandbox.sweep.trial";    // of a child: Values
constexpr const char* scores_tag = "sandbox.sweep.scores";  // of a child: Scores
constexpr const char* rung_tag = "sandbox.sweep.rung";      // of a child: "2/3", for people
constexpr const char* best_tag = "sandbox.sweep.best";      // of the best child: "true"
constexpr const char* best_run_tag = "sandbox.sweep.best_run_id";
constexpr const char* parent_tag = "mlflow.parentRunId";
constexpr const char* model_folder = "model";
constexpr std::chrono::minutes server_patience{30};

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

// All that a sweep is, so that it can be gone on with.
struct Plan {
  std::string trainer;
  std::vector<std::string> dimensions;
  std::string strategy;
  std::int64_t trials = 0;
  std::int64_t seed = 0;
  std::string metric;
  std::string goal;
  std::vector<std::string> words;
  std::string register_as;
  std::string alias;
  std::int64_t eta = 0;           // of halving; 0 does without
  std::int64_t resource_max = 0;  // of halving: the epochs of the last rung
  static constexpr auto fields() {
    return std::tuple{field("trainer", &Plan::trainer),
                      field("dimensions", &Plan::dimensions),
                      field("strategy", &Plan::strategy),
                      field("trials", &Plan::trials),
                      field("seed", &Plan::seed),
                      field("metric", &Plan::metric),
                      field("goal", &Plan::goal),
                      field("words", &Plan::words),
                      field("register_as", &Plan::register_as),
                      field("alias", &Plan::alias),
                      field("eta", &Plan::eta),
                      field("resource_max", &Plan::resource_max)};
  }
};

struct Values {
  TextMap values;
  static constexpr auto fields() { return std::tuple{field("values", &Values::values)}; }
};

// What a trial came to at the end of each rung.
struct Scores {
  std::vector<double> scores;  // the greater the better
  static constexpr auto fields() { return std::tuple{field("scores", &Scores::scores)}; }
};

// Asks again while the server is away.
template <class Function>
auto steadily(Function ask) {
  const auto deadline = std::chrono::steady_clock::now() + server_patience;
  while (true) {
    try {
      return ask();
    } catch (const ::trainers::ServerAway& away) {
      if (::trainers::is_stop_signalled() || std::chrono::steady_clock::now() > deadline) {
        throw Error(Code::invalid_state, away.why + ".");
      }
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

class Sweep {
 public:
  Sweep(const ::trainers::Trainer& trainer, TrialProgram program, std::int64_t parallel)
      : trainer_(trainer),
        program_(std::move(program)),
        parallel_(static_cast<std::size_t>(parallel)),
        client_(environment()) {}

  void begin(Plan plan);
  void go_on(const std::string& parent_id);
  int run();

 private:
  struct Trial {
    std::string run_id;
    Texts values;
    Point point;
    std::optional<double> score;         // the greater the better; of halving that of its last rung
    ::trainers::TrialProgress progress;  // of halving
    pid_t process = 0;                   // while it runs
  };

  [[nodiscard]] ::trainers::Variables environment() const {
    return
        [variables = program_.variables, outer = process_environment()](const std::string& name) {
          const auto found = variables.find(name);
          return found == variables.end() ? outer(name) : std::optional(found->second);
        };
  }
  void read_plan();
  void read_rungs();
  void restore_progress(Trial& trial, const RunInfo& run);
  std::optional<Point> next_point();
  [[nodiscard]] Trial new_trial(const Point& point);
  bool start_trial();  // false when there is none to start now
  bool climb();        // the same of halving
  void spawn(Trial& trial, const std::vector<std::string>& more_words);
  void wait_for_one();
  void end_trial(Trial& trial, std::size_t number, bool has_ended_well);
  void keep_score(Trial& trial);
  [[nodiscard]] const Trial* best_trial() const;
  int finish();
  void crown(const Trial& best);
  // "2/3": the rungs a trial has ended, and so many more.
  [[nodiscard]] std::string rung_text(const Trial& trial, std::size_t more) const {
    return std::to_string(trial.progress.scores.size() + more) + "/" +
           std::to_string(rungs_.size());
  }
  [[nodiscard]] fs::path log_of(const Trial& trial) const {
    return fs::path("mlops-sandbox-runs") / "sweeps" / parent_.run_id / (trial.run_id + ".log");
  }

  SystemEnv env_;
  const ::trainers::Trainer& trainer_;
  TrialProgram program_;
  std::size_t parallel_;
  TrackingClient client_;
  Plan plan_;
  Space space_;
  Strategy strategy_ = Strategy::tpe;
  std::vector<Point> grid_;
  std::vector<::trainers::Rung> rungs_;  // none without halving
  RunInfo parent_;
  std::vector<Trial> trials_;
  std::size_t running_ = 0;
};

void Sweep::read_plan() {
  for (const std::string& text : plan_.dimensions) {
    space_.push_back(Dimension::parse(text));
  }
  ::trainers::check(space_, trainer_.parameters);
  strategy_ = *::trainers::find_strategy(plan_.strategy);
  if (strategy_ == Strategy::grid) {
    grid_ = ::trainers::grid_points(space_, static_cast<std::size_t>(plan_.trials));
  }
  if (plan_.eta > 0) read_rungs();
}

void Sweep::read_rungs() {
  for (const Dimension& dimension : space_) {
    if (dimension.parameter() == trainer_.resource || dimension.parameter() == trainer_.pause) {
      refuse("--halving deals out " + trainer_.resource + " itself: it cannot be swept as well.");
    }
  }
  const auto trials =
      strategy_ == Strategy::grid ? grid_.size() : static_cast<std::size_t>(plan_.trials);
  rungs_ = ::trainers::halving_rungs(trials, plan_.resource_max, plan_.eta);
  if (rungs_.size() > 1) return;
  refuse("There is nothing to halve in " + std::to_string(trials) + " trials of " +
         std::to_string(plan_.resource_max) + " " + trainer_.resource + ": both have to be " +
         std::to_string(plan_.eta) + " (--eta) or more.");
}

void Sweep::begin(Plan plan) {
  plan_ = std::move(plan);
  read_plan();
  const auto said = ::trainers::read_words(trainer_, plan_.words, environment(), {});
  const auto run = ::trainers::settings_of<::trainers::RunSettings>(said.flags);
  std::string experiment = run.experiment;
  if (experiment.empty()) {
    experiment = environment()("MLFLOW_EXPERIMENT_NAME").value_or(trainer_.name);
  }
  const std::string id = steadily([&] { return client_.experiment_id(experiment); });
  const std::string name = run.run_name.empty() ? "sweep of " + trainer_.name : run.run_name;
  parent_ = steadily([&] {
    return client_.create_run(id, name, env_.now_ms(),
                              {{sweep_tag, to_json(plan_)}, {"mlflow.source.name", trainer_.name}});
  });
  std::map<std::string, std::string> params{{"sweep.strategy", plan_.strategy},
                                            {"sweep.trials", std::to_string(plan_.trials)},
                                            {"sweep.metric", plan_.goal + " " + plan_.metric}};
  if (plan_.eta > 0) params["sweep.halving"] = "eta " + std::to_string(plan_.eta);
  for (const std::string& text : plan_.dimensions) {
    params["sweep." + Dimension::parse(text).parameter()] = text;
  }
  steadily([&] { client_.log_batch(parent_.run_id, {}, params, {}); });
}

// Trials that were running when the sweep ended count as failed, and are not repeated; those of
// halving go on where they stopped.
void Sweep::go_on(const std::string& parent_id) {
  parent_ = steadily([&] { return client_.run(parent_id); });
  const auto tag = parent_.tags.find(sweep_tag);
  if (tag == parent_.tags.end()) refuse("Run " + parent_id + " is no sweep.");
  plan_ = from_json<Plan>(tag->second);
  if (plan_.trainer != trainer_.name) {
    refuse("Run " + parent_id + " is a sweep of " + plan_.trainer + ", not of " + trainer_.name +
           ".");
  }
  read_plan();
  for (const RunInfo& run :
       steadily([&] { return client_.children(parent_.experiment_id, parent_id); })) {
    const auto values = run.tags.find(trial_tag);
    if (values == run.tags.end()) continue;
    Trial trial;
    trial.run_id = run.run_id;
    trial.values = from_json<Values>(values->second).values;
    trial.point = ::trainers::point_of(space_, trial.values);
    restore_progress(trial, run);
    trials_.push_back(std::move(trial));
  }
  std::printf("%zu trials were there already.\n", trials_.size());
  steadily([&] { client_.set_status(parent_.run_id, "RUNNING", 0); });
}

void Sweep::restore_progress(Trial& trial, const RunInfo& run) {
  if (!rungs_.empty()) {
    const auto scores = run.tags.find(scores_tag);
    if (scores != run.tags.end()) {
      trial.progress.scores = from_json<Scores>(scores->second).scores;
    }
    if (!trial.progress.scores.empty()) trial.score = trial.progress.scores.back();
    trial.progress.has_failed = run.status == "FAILED";
    return;
  }
  const auto metric = run.metrics.find(plan_.metric);
  if (run.status == "FINISHED" && metric != run.metrics.end()) {
    trial.score = plan_.goal == "min" ? -metric->second : metric->second;
  } else if (run.status == "RUNNING" || run.status == "SCHEDULED") {
    steadily([&] { client_.set_status(run.run_id, "KILLED", env_.now_ms()); });
  }
}

std::optional<Point> Sweep::next_point() {
  const std::size_t number = trials_.size();
  const auto seed = static_cast<std::uint64_t>(plan_.seed);
  if (number >= static_cast<std::size_t>(plan_.trials)) return std::nullopt;
  if (strategy_ == Strategy::grid) {
    return number < grid_.size() ? std::optional(grid_[number]) : std::nullopt;
  }
  if (strategy_ == Strategy::random) return ::trainers::random_point(space_, seed, number);
  std::vector<::trainers::Trial> history;
  for (const Trial& trial : trials_) {
    // Of halving what all trials had as much time for.
    const std::vector<double>& scores = trial.progress.scores;
    history.push_back({trial.point, scores.empty() ? trial.score : scores.front()});
  }
  return ::trainers::tpe_point(space_, history, seed, number);
}

void Sweep::spawn(Trial& trial, const std::vector<std::string>& more_words) {
  std::vector<std::string> words{program_.path, "train", trainer_.name};
  words.insert(words.end(), plan_.words.begin(), plan_.words.end());
  for (const auto& [name, value] : trial.values) words.push_back("--" + name + "=" + value);
  words.insert(words.end(), more_words.begin(), more_words.end());
  std::map<std::string, std::string> changes = program_.variables;
  changes["MLFLOW_RUN_ID"] = trial.run_id;
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!changes.contains(std::string(text.substr(0, text.find('=')))))
      variables.emplace_back(text);
  }
  for (const auto& [name, value] : changes) variables.push_back(name + "=" + value);
  const auto pointers = [](std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (std::string& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  };
  fs::create_directories(log_of(trial).parent_path());
  const std::string log = log_of(trial).string();
  const auto argv = pointers(words);
  const auto envp = pointers(variables);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    throw Error(Code::invalid_state, program_.path + " cannot be started: " + std::strerror(errno));
  }
  if (pid > 0) {
    trial.process = pid;
    trial.progress.is_running = true;
    ++running_;
    return;
  }
  // A sweep that is killed takes its trials along.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  // Held as long as the trial lives: who goes on with its run waits for its end.
  flock(file, LOCK_EX);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  execve(program_.path.c_str(), argv.data(), envp.data());
  _exit(127);
}

std::string text_of(const Texts& values) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : values) parts.push_back(name + "=" + value);
  return join(parts, " ");
}

Sweep::Trial Sweep::new_trial(const Point& point) {
  Trial trial;
  trial.point = point;
  trial.values = ::trainers::values_at(space_, point);
  const std::string number = std::to_string(trials_.size() + 1);
  trial.run_id = steadily([&] {
    return client_
        .create_run(parent_.experiment_id, parent_.run_name + " " + number, env_.now_ms(),
                    {{parent_tag, parent_.run_id}, {trial_tag, to_json(Values{trial.values})}})
        .run_id;
  });
  return trial;
}

bool Sweep::start_trial() {
  if (!rungs_.empty()) return climb();
  const auto point = next_point();
  if (!point) return false;
  trials_.push_back(new_trial(*point));
  spawn(trials_.back(), {});
  return true;
}

bool Sweep::climb() {
  std::vector<::trainers::TrialProgress> all;
  for (const Trial& trial : trials_) all.push_back(trial.progress);
  const auto next = ::trainers::next_climb(rungs_, all);
  if (!next) return false;
  // The last rung has no pause: the training goes to its end.
  const bool is_last = next->rung + 1 == rungs_.size();
  const std::int64_t until = is_last ? 0 : rungs_[next->rung].resource;
  std::vector<std::string> words{
      "--" + trainer_.resource + "=" + std::to_string(plan_.resource_max),
      "--" + trainer_.pause + "=" + std::to_string(until)};
  if (next->trial == trials_.size()) {
    trials_.push_back(new_trial(next_point().value()));
  } else {
    words.push_back("--resume=" + trials_[next->trial].run_id);
  }
  spawn(trials_[next->trial], words);
  return true;
}

void Sweep::wait_for_one() {
  int status = 0;
  const pid_t pid = waitpid(-1, &status, 0);
  if (pid < 0) return;  // a signal came
  for (std::size_t i = 0; i < trials_.size(); ++i) {
    if (trials_[i].process != pid) continue;
    trials_[i].process = 0;
    trials_[i].progress.is_running = false;
    --running_;
    end_trial(trials_[i], i, WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

void Sweep::end_trial(Trial& trial, std::size_t number, bool has_ended_well) {
  const RunInfo run = steadily([&] { return client_.run(trial.run_id); });
  const auto metric = run.metrics.find(plan_.metric);
  std::printf("trial %zu/%lld  %s%s  ", number + 1, static_cast<long long>(plan_.trials),
              rungs_.empty() ? "" : ("rung " + rung_text(trial, 1) + "  ").c_str(),
              text_of(trial.values).c_str());
  if (!has_ended_well || metric == run.metrics.end()) {
    std::printf("%s, see %s\n", has_ended_well ? ("logged no " + plan_.metric).c_str() : "failed",
                log_of(trial).c_str());
    // One that was stopped together with the sweep goes on with it.
    const bool is_stopped = ::trainers::is_stop_signalled();
    trial.progress.has_failed = !is_stopped;
    if (run.status == "RUNNING") {
      const char* status = is_stopped ? "KILLED" : "FAILED";
      steadily([&] { client_.set_status(run.run_id, status, env_.now_ms()); });
    }
  } else {
    trial.score = plan_.goal == "min" ? -metric->second : metric->second;
    if (!rungs_.empty()) keep_score(trial);
    std::printf("%s=%g\n", plan_.metric.c_str(), metric->second);
    const auto step = static_cast<std::int64_t>(number);
    steadily([&] {
      client_.log_batch(parent_.run_id, {{plan_.metric, metric->second, env_.now_ms(), step}}, {},
                        {});
    });
  }
  std::fflush(stdout);
}

void Sweep::keep_score(Trial& trial) {
  trial.progress.scores.push_back(*trial.score);
  const std::map<std::string, std::string> tags{
      {scores_tag, to_json(Scores{trial.progress.scores})}, {rung_tag, rung_text(trial, 0)}};
  steadily([&] { client_.log_batch(trial.run_id, {}, {}, tags); });
}

int Sweep::run() {
  std::printf("Sweep %s: %s %s over %lld trials.\n", parent_.run_id.c_str(), plan_.goal.c_str(),
              plan_.metric.c_str(), static_cast<long long>(plan_.trials));
  for (const ::trainers::Rung& rung : rungs_) {
    std::printf("  %zu to %lld %s\n", rung.trials, static_cast<long long>(rung.resource),
                trainer_.resource.c_str());
  }
  std::fflush(stdout);
  while (true) {
    while (!::trainers::is_stop_signalled() && running_ < parallel_ && start_trial()) {
    }
    if (running_ == 0) break;
    wait_for_one();
  }
  return finish();
}

// Of halving among those that came farthest: scores of different rungs say nothing about each
// other.
const Sweep::Trial* Sweep::best_trial() const {
  const Trial* best = nullptr;
  for (const Trial& trial : trials_) {
    if (!trial.score || !std::isfinite(*trial.score)) continue;
    const auto rank = [](const Trial& one) {
      return std::pair(one.progress.scores.size(), *one.score);
    };
    if (best == nullptr || rank(trial) > rank(*best)) best = &trial;
  }
  return best;
}

int Sweep::finish() {
  const Trial* best = best_trial();
  const bool is_stopped = ::trainers::is_stop_signalled();
  if (best != nullptr && !is_stopped && best->progress.scores.size() < rungs_.size()) {
    std::printf("No trial came to the end of the last rung.\n");
    best = nullptr;
  }
  if (best != nullptr) crown(*best);
  const char* status = is_stopped ? "KILLED" : best != nullptr ? "FINISHED" : "FAILED";
  steadily([&] { client_.set_status(parent_.run_id, status, env_.now_ms()); });
  if (is_stopped) {
    std::printf("Stopped. Go on with --resume-sweep %s.\n", parent_.run_id.c_str());
    return 130;
  }
  return best != nullptr ? 0 : 1;
}

void Sweep::crown(const Trial& best) {
  std::printf("best: run %s  %s  %s=%g\n", best.run_id.c_str(), text_of(best.values).c_str(),
              plan_.metric.c_str(),
              std::abs(*best.score) * (*best.score < 0 ? -1 : 1) * (plan_.goal == "min" ? -1 : 1));
  std::map<std::string, std::string> tags{{best_run_tag, best.run_id}};
  for (const auto& [name, value] : best.values) tags["sandbox.sweep.best." + name] = value;
  steadily([&] { client_.log_batch(parent_.run_id, {}, {}, tags); });
  for (const Trial& trial : trials_) {
    const std::string word = trial.run_id == best.run_id ? "true" : "false";
    steadily([&] { client_.log_batch(trial.run_id, {}, {}, {{best_tag, word}}); });
  }
  if (plan_.register_as.empty() || ::trainers::is_stop_signalled()) return;
  const RunInfo run = steadily([&] { return client_.run(best.run_id); });
  const std::string version = steadily([&] {
    return client_.create_version(plan_.register_as, run.artifact_uri + "/" + model_folder,
                                  run.run_id);
  });
  std::printf("Registered as version %s of %s.\n", version.c_str(), plan_.register_as.c_str());
  if (plan_.alias.empty()) return;
  steadily([&] { client_.set_alias(plan_.register_as, plan_.alias, version); });
}

// How much of what halving deals out a training has that is left alone.
std::int64_t resource_of(const ::trainers::Trainer& trainer,
                         const std::vector<std::string>& words) {
  if (trainer.resource.empty()) {
    std::vector<std::string> names;
    for (const ::trainers::Trainer& one : ::trainers::trainers()) {
      if (!one.resource.empty()) names.push_back(one.name);
    }
    refuse("--halving goes on with trials that were paused, and " + trainer.name +
           " cannot do that. These can: " + join(names, ", ") + ".");
  }
  const auto said =
      ::trainers::read_words(trainer, words, process_environment(), ::trainers::dotenv_here())
          .all();
  if (said.contains(trainer.pause)) {
    refuse("--halving says itself when a trial pauses: leave out " + trainer.pause + ".");
  }
  if (const auto found = said.find(trainer.resource); found != said.end()) {
    return parse_int64(found->second).value();
  }
  for (const ::trainers::ParameterRow& row : trainer.parameters) {
    if (row.name == trainer.resource) return parse_int64(row.standard).value();
  }
  throw Error(Code::internal_error, trainer.name + " has no parameter " + trainer.resource + ".");
}

}  // namespace

int run_sweep(const ::trainers::Trainer& trainer,
              const SweepOptions& options,
              TrialProgram program) {
  Plan plan;
  plan.words = program.words;
  Sweep sweep(trainer, std::move(program), options.parallel);
  ::trainers::watch_stop_signals();
  if (!options.resume.empty()) {
    sweep.go_on(options.resume);
    return sweep.run();
  }
  plan.trainer = trainer.name;
  plan.dimensions = options.dimensions;
  plan.strategy = options.strategy;
  plan.trials = options.trials;
  plan.seed = options.seed;
  plan.metric = options.metric.empty() ? trainer.objective : options.metric;
  plan.goal = options.goal;
  plan.register_as = options.register_as;
  plan.alias = options.alias;
  if (plan.metric.empty()) refuse("Say which metric is to be the best: --metric NAME.");
  if (options.halves) {
    plan.eta = options.eta;
    plan.resource_max = resource_of(trainer, plan.words);
  }
  sweep.begin(std::move(plan));
  return sweep.run();
}

}  // namespace sandbox::cli
