#include <cstdio>
#include <exception>
#include <new>

#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "trainers/stop_signal.h"
#include "trainers/train_context.h"
#include "trainers/trainer.h"

namespace trainers {

using sandbox::Code;
using sandbox::Error;

namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_stopped = 130;

struct SettingsTag {
  sandbox::TextMap settings;
  static constexpr auto fields() {
    return std::tuple{sandbox::field("settings", &SettingsTag::settings)};
  }
};

Texts earlier_settings(const TrainContext& context) {
  const auto tag = context.earlier_tags().find(settings_tag);
  if (tag == context.earlier_tags().end()) return {};
  return sandbox::from_json<SettingsTag>(tag->second).settings;
}

// The trainer's own part of what was said.
Texts own(const Trainer& trainer, const Texts& texts) {
  Texts own;
  for (const ParameterRow& row : trainer.parameters) {
    const auto found = texts.find(row.name);
    if (found != texts.end()) own[row.name] = found->second;
  }
  return own;
}

// Runs an action, and answers how it went: "" or the sentence of its failure.
std::string failure_of(const std::function<void()>& action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return error.message();
  } catch (const std::bad_alloc&) {
    return "There was not enough memory.";
  } catch (const std::exception& error) {
    return std::string("Unexpected failure: ") + error.what();
  }
}

int end(TrainContext& context, const std::string& failure) {
  if (context.is_stopping()) {
    context.finish("KILLED", "Stopped by a signal.");
    context.say("Stopped; run " + context.run_id() + " is KILLED and its files are in " +
                context.directory().string() + ".");
    return exit_stopped;
  }
  if (!failure.empty()) {
    context.say("The run failed: " + failure);
    context.finish("FAILED", failure);
    return exit_failed;
  }
  context.finish("FINISHED");
  context.say("Run " + context.run_id() + " is FINISHED; its files are in " +
              context.directory().string() + ".");
  return 0;
}

int train(const Trainer& trainer, const Actions& actions, const std::vector<std::string>& words) {
  const auto environment = sandbox::process_environment();
  const Said said = read_words(trainer, words, environment, dotenv_here());
  const RunSettings run = settings_of<RunSettings>(said.flags);
  if (run.register_as.empty() && !run.alias.empty()) {
    throw Error(Code::invalid_parameter_value, "--alias wants --register as well.");
  }
  if (run.register_as.find_first_of("/:") != std::string::npos) {
    throw Error(Code::invalid_parameter_value,
                "A registered model's name has neither '/' nor ':', unlike --register " +
                    run.register_as + ".");
  }
  sandbox::SystemEnv env;
  watch_stop_signals();
  TrainContext context(env, environment, trainer, run);
  // A run that goes on keeps its settings, but for what this command says.
  Texts texts = context.is_resumed() ? earlier_settings(context) : said.settings;
  for (const auto& [name, value] : said.flags) texts[name] = value;
  texts = own(trainer, texts);
  context.set_tag(settings_tag, sandbox::to_json(SettingsTag{texts}));
  context.say("Run " + context.run_id() + " of " + trainer.name + " is open.");
  return end(context, failure_of([&] { actions.train(context, texts); }));
}

int evaluate(const Trainer& trainer,
             const Actions& actions,
             const std::string& run_id,
             const std::vector<std::string>& words) {
  if (!actions.evaluate) {
    throw Error(Code::invalid_parameter_value,
                "The trainer " + trainer.name + " has no evaluation of its own.");
  }
  const auto environment = sandbox::process_environment();
  // Variables and .env are about a new training; the run knows how it was trained.
  const Texts said = read_words(trainer, words, environment, {}).flags;
  sandbox::SystemEnv env;
  watch_stop_signals();
  TrainContext context(env, environment, settings_of<RunSettings>(said),
                       TrainContext::Earlier{run_id});
  Texts texts = earlier_settings(context);
  for (const auto& [name, value] : said) texts[name] = value;
  const std::string failure = failure_of([&] { actions.evaluate(context, own(trainer, texts)); });
  context.finish("");
  if (failure.empty()) return context.is_stopping() ? exit_stopped : 0;
  context.say("The evaluation failed: " + failure);
  return exit_failed;
}

int run_words(const std::vector<std::string>& words, const std::map<std::string, Actions>& all) {
  if (words.size() < 2 || (words[0] != "train" && words[0] != "evaluate")) {
    throw Error(Code::invalid_parameter_value,
                "This program is started by `mlops-sandbox train` and `mlops-sandbox evaluate`.");
  }
  const Trainer& trainer = trainer_named(words[1]);
  const auto actions = all.find(trainer.name);
  if (actions == all.end()) {
    throw Error(Code::invalid_parameter_value,
                "The trainer " + trainer.name + " is not in this program.");
  }
  if (words[0] == "train") return train(trainer, actions->second, {words.begin() + 2, words.end()});
  if (words.size() < 3) throw Error(Code::invalid_parameter_value, "Say which run to evaluate.");
  return evaluate(trainer, actions->second, words[2], {words.begin() + 3, words.end()});
}

}  // namespace

int run_trainers(int argc, char** argv, const std::map<std::string, Actions>& actions) {
  try {
    return run_words({argv + 1, argv + argc}, actions);
  } catch (const Error& error) {
    std::fprintf(stderr, "mlops-sandbox: %s\n", error.what());
    return error.code() == Code::invalid_parameter_value ? exit_usage : exit_failed;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mlops-sandbox: unexpected failure: %s\n", error.what());
    return exit_failed;
  }
}

}  // namespace trainers
