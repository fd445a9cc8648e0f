#include "sandbox/cli/sweep.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <tuple>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "trainers/stop_signal.h"
#include "trainers/sweep/space.h"
#include "trainers/sweep/strategy.h"
#include "trainers/tracking_client.h"

namespace sandbox::cli {
namespace {

namespace fs = std::filesystem;
using ::trainers::Point;
using ::trainers::RunInfo;
using ::trainers::Space;
using ::trainers::Strategy;
using ::trainers::Texts;
using ::trainers::TrackingClient;

constexpr const char* sweep_tag = "sandbox.sweep";        // of the parent: Plan
constexpr const char* trial_tag = "sandbox.sweep.trial";  // of a child: Values
constexpr const char* best_tag = "sandbox.sweep.best";    // of the best child: "true"
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
                      field("alias", &Plan::alias)};
  }
};

struct Values {
  TextMap values;
  static constexpr auto fields() { return std::tuple{field("values", &Values::values)}; }
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
    std::optional<double> score;  // the greater the better
    pid_t process = 0;            // while it runs
  };

  [[nodiscard]] ::trainers::Variables environment() const {
    return
        [variables = program_.variables, outer = process_environment()](const std::string& name) {
          const auto found = variables.find(name);
          return found == variables.end() ? outer(name) : std::optional(found->second);
        };
  }
  void read_plan();
  std::optional<Point> next_point();
  void start_trial();
  pid_t spawn(const Trial& trial) const;
  void wait_for_one();
  void end_trial(Trial& trial, std::size_t number, bool has_ended_well);
  int finish();
  void crown(const Trial& best);
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
  RunInfo parent_;
  std::vector<Trial> trials_;
  std::size_t running_ = 0;
};

void Sweep::read_plan() {
  for (const std::string& text : plan_.dimensions) {
    space_.push_back(::trainers::Dimension::parse(text));
  }
  ::trainers::check(space_, trainer_.parameters);
  strategy_ = *::trainers::find_strategy(plan_.strategy);
  if (strategy_ == Strategy::grid) {
    grid_ = ::trainers::grid_points(space_, static_cast<std::size_t>(plan_.trials));
  }
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
  for (const std::string& text : plan_.dimensions) {
    params["sweep." + ::trainers::Dimension::parse(text).parameter()] = text;
  }
  steadily([&] { client_.log_batch(parent_.run_id, {}, params, {}); });
}

// Trials that were running when the sweep ended count as failed, and are not repeated.
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
    const auto metric = run.metrics.find(plan_.metric);
    if (run.status == "FINISHED" && metric != run.metrics.end()) {
      trial.score = plan_.goal == "min" ? -metric->second : metric->second;
    } else if (run.status == "RUNNING" || run.status == "SCHEDULED") {
      steadily([&] { client_.set_status(run.run_id, "KILLED", env_.now_ms()); });
    }
    trials_.push_back(std::move(trial));
  }
  std::printf("%zu trials were there already.\n", trials_.size());
  steadily([&] { client_.set_status(parent_.run_id, "RUNNING", 0); });
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
  for (const Trial& trial : trials_) history.push_back({trial.point, trial.score});
  return ::trainers::tpe_point(space_, history, seed, number);
}

pid_t Sweep::spawn(const Trial& trial) const {
  std::vector<std::string> words{program_.path, "train", trainer_.name};
  words.insert(words.end(), plan_.words.begin(), plan_.words.end());
  for (const auto& [name, value] : trial.values) words.push_back("--" + name + "=" + value);
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
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
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

void Sweep::start_trial() {
  const auto point = next_point();
  if (!point) return;
  Trial trial;
  trial.point = *point;
  trial.values = ::trainers::values_at(space_, *point);
  const std::string number = std::to_string(trials_.size() + 1);
  trial.run_id = steadily([&] {
    return client_
        .create_run(parent_.experiment_id, parent_.run_name + " " + number, env_.now_ms(),
                    {{parent_tag, parent_.run_id}, {trial_tag, to_json(Values{trial.values})}})
        .run_id;
  });
  trial.process = spawn(trial);
  if (trial.process < 0) {
    throw Error(Code::invalid_state, program_.path + " cannot be started: " + std::strerror(errno));
  }
  ++running_;
  trials_.push_back(std::move(trial));
}

void Sweep::wait_for_one() {
  int status = 0;
  const pid_t pid = waitpid(-1, &status, 0);
  if (pid < 0) return;  // a signal came
  for (std::size_t i = 0; i < trials_.size(); ++i) {
    if (trials_[i].process != pid) continue;
    trials_[i].process = 0;
    --running_;
    end_trial(trials_[i], i, WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

void Sweep::end_trial(Trial& trial, std::size_t number, bool has_ended_well) {
  const RunInfo run = steadily([&] { return client_.run(trial.run_id); });
  const auto metric = run.metrics.find(plan_.metric);
  std::printf("trial %zu/%lld  %s  ", number + 1, static_cast<long long>(plan_.trials),
              text_of(trial.values).c_str());
  if (!has_ended_well || metric == run.metrics.end()) {
    std::printf("%s, see %s\n", has_ended_well ? ("logged no " + plan_.metric).c_str() : "failed",
                log_of(trial).c_str());
    if (run.status == "RUNNING") {
      steadily([&] { client_.set_status(run.run_id, "FAILED", env_.now_ms()); });
    }
  } else {
    trial.score = plan_.goal == "min" ? -metric->second : metric->second;
    std::printf("%s=%g\n", plan_.metric.c_str(), metric->second);
    const auto step = static_cast<std::int64_t>(number);
    steadily([&] {
      client_.log_batch(parent_.run_id, {{plan_.metric, metric->second, env_.now_ms(), step}}, {},
                        {});
    });
  }
  std::fflush(stdout);
}

int Sweep::run() {
  std::printf("Sweep %s: %s %s over %lld trials.\n", parent_.run_id.c_str(), plan_.goal.c_str(),
              plan_.metric.c_str(), static_cast<long long>(plan_.trials));
  std::fflush(stdout);
  while (true) {
    const std::size_t before = trials_.size();
    while (!::trainers::is_stop_signalled() && running_ < parallel_) {
      const std::size_t count = trials_.size();
      start_trial();
      if (trials_.size() == count) break;
    }
    if (running_ == 0 && trials_.size() == before) break;
    wait_for_one();
  }
  return finish();
}

int Sweep::finish() {
  const Trial* best = nullptr;
  for (const Trial& trial : trials_) {
    if (trial.score && std::isfinite(*trial.score) &&
        (best == nullptr || *trial.score > *best->score)) {
      best = &trial;
    }
  }
  const bool is_stopped = ::trainers::is_stop_signalled();
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

// "--name value" or "--name=value" out of the words; every time it comes.
std::vector<std::string> take(std::vector<std::string>& words, const std::string& name) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < words.size();) {
    const std::size_t equals = words[i].find('=');
    if (words[i].substr(0, equals) != name) {
      ++i;
      continue;
    }
    const bool is_two = equals == std::string::npos;
    if (is_two && i + 1 == words.size()) refuse(name + " wants a value.");
    values.push_back(is_two ? words[i + 1] : words[i].substr(equals + 1));
    const auto at = words.begin() + static_cast<std::ptrdiff_t>(i);
    words.erase(at, at + (is_two ? 2 : 1));
  }
  return values;
}

void take_text(std::vector<std::string>& words, const std::string& name, std::string& into) {
  const auto values = take(words, name);
  if (!values.empty()) into = values.back();
}

void take_number(std::vector<std::string>& words,
                 const std::string& name,
                 std::int64_t least,
                 std::int64_t& into) {
  const auto values = take(words, name);
  if (values.empty()) return;
  const auto number = parse_int64(values.back());
  if (!number || *number < least || *number > 100'000) {
    refuse(name + " " + values.back() + ": a whole number from " + std::to_string(least) +
           " to 100000.");
  }
  into = *number;
}

}  // namespace

const char* const sweep_help =
    "\nA sweep trains many times and finds the best:\n"
    "  --sweep learning_rate=log(1e-4,1e-1)   what to vary; also uniform(a,b), int(a,b),\n"
    "                                         choice(a,b,c); may be given several times\n"
    "  --trials 20  --parallel 1  --strategy tpe|random|grid  --sweep-seed 0\n"
    "  --metric NAME  --goal max|min          what is best\n"
    "  --resume-sweep RUN_ID                  go on with a sweep that was stopped\n"
    "Each trial is a child run of one parent; --register takes the best one.\n";

SweepOptions take_sweep(std::vector<std::string>& words) {
  SweepOptions options;
  options.dimensions = take(words, "--sweep");
  take_text(words, "--resume-sweep", options.resume);
  if (!options.is_wanted()) return options;
  take_text(words, "--strategy", options.strategy);
  take_number(words, "--trials", 1, options.trials);
  take_number(words, "--parallel", 1, options.parallel);
  take_number(words, "--sweep-seed", 0, options.seed);
  take_text(words, "--metric", options.metric);
  take_text(words, "--goal", options.goal);
  if (!::trainers::find_strategy(options.strategy)) {
    refuse("--strategy " + options.strategy + ": one of tpe, random, grid.");
  }
  if (options.goal != "max" && options.goal != "min") {
    refuse("--goal " + options.goal + ": one of max, min.");
  }
  if (!options.dimensions.empty() && !options.resume.empty()) {
    refuse("--resume-sweep goes on as the sweep began: leave out --sweep.");
  }
  return options;
}

int run_sweep(const ::trainers::Trainer& trainer,
              const SweepOptions& options,
              TrialProgram program) {
  Plan plan;
  plan.words = program.words;
  take_text(plan.words, "--register", plan.register_as);
  take_text(plan.words, "--alias", plan.alias);
  if (!plan.alias.empty() && plan.register_as.empty()) refuse("--alias wants --register as well.");
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
  if (plan.metric.empty()) refuse("Say which metric is to be the best: --metric NAME.");
  sweep.begin(std::move(plan));
  return sweep.run();
}

}  // namespace sandbox::cli
