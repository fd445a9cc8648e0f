// `train NAME … --sweep`: many trainings as child runs of one parent.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "trainers/trainer.h"

namespace sandbox::cli {

// What is said of the sweep itself; the other words are each trial's.
struct SweepOptions {
  std::vector<std::string> dimensions;  // trainers/sweep/space.h
  std::string strategy = "tpe";
  std::int64_t trials = 20;
  std::int64_t parallel = 1;
  std::int64_t seed = 0;
  std::string metric;        // "": the trainer's objective
  std::string goal = "max";  // or "min"
  std::string register_as;   // the best one's model, under this name
  std::string alias;         // of that version
  bool halves = false;       // trainers/sweep/halving.h
  std::int64_t eta = 3;      // of halving
  std::string resume;        // the parent's run id

  [[nodiscard]] bool is_wanted() const { return !dimensions.empty() || !resume.empty(); }
};

// Takes the sweep's flags out of the words. Throws Error(invalid_parameter_value).
SweepOptions take_sweep(std::vector<std::string>& words);

// What a trial is started with.
struct TrialProgram {
  std::string path;                              // the family's program
  std::vector<std::string> words;                // what is said for every trial
  std::map<std::string, std::string> variables;  // on top of this process's environment
};

// Runs or goes on with a sweep; answers the exit code: 0 when one trial ended well, 1 when none
// did, 130 when a signal ended it.
int run_sweep(const ::trainers::Trainer& trainer,
              const SweepOptions& options,
              TrialProgram program);

// The part of `train --help` about sweeps.
extern const char* const sweep_help;

}  // namespace sandbox::cli
