#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/sweep.h"
#include "trainers/sweep/strategy.h"

namespace sandbox::cli {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
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

bool take_flag(std::vector<std::string>& words, const std::string& name) {
  return std::erase(words, name) > 0;
}

}  // namespace

const char* const sweep_help =
    "\nA sweep trains many times and finds the best:\n"
    "  --sweep learning_rate=log(1e-4,1e-1)   what to vary; also uniform(a,b), int(a,b),\n"
    "                                         choice(a,b,c); may be given several times\n"
    "  --trials 20  --parallel 1  --strategy tpe|random|grid  --sweep-seed 0\n"
    "  --metric NAME  --goal max|min          what is best\n"
    "  --halving  --eta 3                     all begin with a part of the epochs; one in eta "
    "goes\n"
    "                                         on to eta times as many, and so on to all of them\n"
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
  take_text(words, "--register", options.register_as);
  take_text(words, "--alias", options.alias);
  options.halves = take_flag(words, "--halving");
  std::int64_t eta = 0;
  take_number(words, "--eta", 2, eta);
  if (eta > 0 && !options.halves) refuse("--eta says how --halving goes on: say that as well.");
  if (eta > 0) options.eta = eta;
  if (!::trainers::find_strategy(options.strategy)) {
    refuse("--strategy " + options.strategy + ": one of tpe, random, grid.");
  }
  if (options.goal != "max" && options.goal != "min") {
    refuse("--goal " + options.goal + ": one of max, min.");
  }
  if ((!options.dimensions.empty() || options.halves) && !options.resume.empty()) {
    refuse("--resume-sweep goes on as the sweep began: leave out --sweep and --halving.");
  }
  if (!options.alias.empty() && options.register_as.empty()) {
    refuse("--alias wants --register as well.");
  }
  return options;
}

}  // namespace sandbox::cli
