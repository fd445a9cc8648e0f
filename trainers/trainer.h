// The contract of the built-in trainers. A third one is an afternoon:
//   1. trainers/<family>/settings.h  its settings with their parameters (parameters.h);
//   2. trainers/trainer.cpp          one row in the list of trainers;
//   3. trainers/<family>/main.cpp    `run_trainers(argc, argv, {{"name", {with_settings(f)}}})`;
//   4. trainers/<family>/CMakeLists.txt  the program mlops-sandbox-train-<family>.
//
// The list below and the reading of words hold no heavy library: the main program links them to
// list, explain and check, and then becomes the family's program. That program checks the same way,
// opens the run (train_context.h), trains, and ends the run with the truth about how it went.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainers/parameters.h"

namespace trainers {

class TrainContext;

// The tag of a run that names its trainer.
inline constexpr const char* trainer_tag = "sandbox.trainer";
// The tag with its settings, {"settings": {name: value}}.
inline constexpr const char* settings_tag = "sandbox.trainer.settings";

// What every trainer can be told about its run.
struct RunSettings {
  std::string experiment;
  std::string run_name;
  std::string register_as;
  std::string alias;
  std::string output = "mlops-sandbox-runs";
  std::string resume;
  std::int64_t wait_minutes = 30;

  static constexpr auto parameters() {
    return std::tuple{
        text("experiment", &RunSettings::experiment,
             "Experiment of the run, made where there is none; else MLFLOW_EXPERIMENT_NAME or the "
             "trainer's name"),
        text("run_name", &RunSettings::run_name, "Name of the run; else one is made up"),
        text("register", &RunSettings::register_as,
             "Register the model under this name when the training has ended well"),
        text("alias", &RunSettings::alias, "Alias of the registered version, such as champion"),
        text("output", &RunSettings::output,
             "Directory that gets one of each run's files: checkpoints, pictures, the model"),
        text("resume", &RunSettings::resume,
             "Go on with this run id where its last checkpoint stands, with its parameters"),
        number("wait_minutes", &RunSettings::wait_minutes, {0, 10'000},
               "How long a tracking server that went away is waited for at the end"),
    };
  }
};

// A trainer as people see it.
struct Trainer {
  std::string name;     // `train NAME`
  std::string family;   // built into the program mlops-sandbox-train-<family>
  std::string summary;  // half a sentence
  std::vector<ParameterRow> parameters;
  bool can_resume = false;     // it keeps checkpoints and goes on from them
  std::string objective = {};  // the metric that a sweep makes as great as it can; "" is to be said
  // The number, such as epochs, that a sweep with --halving deals out part by part, and the
  // parameter that ends a run well after so much of it for --resume to go on; "" for both does
  // without.
  std::string resource = {};
  std::string pause = {};
};

// All there are, built or not.
const std::vector<Trainer>& trainers();
// Throws Error(invalid_parameter_value) with the names there are.
const Trainer& trainer_named(std::string_view name);

// The value of a variable of the environment, nullopt for none.
using Variables = std::function<std::optional<std::string>(const std::string& name)>;

// The `NAME=value` lines of a .env file, as python-dotenv reads plain ones: `export` before them,
// quotes around values and `# comments` are taken off.
std::map<std::string, std::string> read_dotenv(std::string_view text);
// Those of ./.env; none where there is no such file.
std::map<std::string, std::string> dotenv_here();

// What the person said: flags `--name value`, `--name=value`, `--flag`, `--no-flag` (dashes or
// underscores) for both kinds of parameters, and variables NAME of the environment or else lines of
// a .env file for the trainer's own. Throws Error(invalid_parameter_value) for a flag that is none
// of them and for a value that is not allowed, naming where it came from.
struct Said {
  Texts flags;
  Texts settings;                   // from the environment and .env
  [[nodiscard]] Texts all() const;  // flags win
};
Said read_words(const Trainer& trainer,
                const std::vector<std::string>& words,
                const Variables& environment,
                const std::map<std::string, std::string>& dotenv);

// Both kinds of parameters of one trainer, its own first.
std::vector<ParameterRow> all_rows(const Trainer& trainer);
// The text of `train NAME --help`.
std::string help_of(const Trainer& trainer, const std::string& program);

// What a family's program does for one of its trainers; `texts` holds what was said for the
// trainer's own parameters, checked. Each returns early when the context is_stopping(); each throws
// Error with a sentence for the person when it cannot go on.
struct Actions {
  std::function<void(TrainContext& context, const Texts& texts)> train;
  // Writes test metrics of a finished run back into it; null where the trainer has none.
  std::function<void(TrainContext& context, const Texts& texts)> evaluate = {};
};

// Makes an action of a function that takes the trainer's settings.
template <class Settings>
std::function<void(TrainContext&, const Texts&)> with_settings(
    void (*action)(TrainContext& context, const Settings& settings)) {
  return [action](TrainContext& context, const Texts& texts) {
    action(context, settings_of<Settings>(texts));
  };
}

// main() of a family's program: `train NAME [--param value …]` or `evaluate NAME RUN_ID [--param
// value …]`. Answers its exit code: 0 done, 1 failed (the run says why), 2 not how to ask, 130
// stopped by a signal.
int run_trainers(int argc, char** argv, const std::map<std::string, Actions>& actions);

}  // namespace trainers
