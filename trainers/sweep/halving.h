// Successive halving (Jamieson and Talwalkar, AISTATS 2016): many trials begin with a little of
// what a training costs, such as a few epochs, and only the best of each rung go on to the next
// with more of it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace trainers {

struct Rung {
  std::size_t trials = 0;     // that take part
  std::int64_t resource = 0;  // what each has had when the rung ends: all of it, not what is added
};

// From the first rung, of all trials, to the last, of `resource_max`: each has an `eta`-th of the
// trials of the one before, and `eta` times its resource. As many as leave one trial and one unit
// of resource; `eta` is 2 at least.
std::vector<Rung> halving_rungs(std::size_t trials, std::int64_t resource_max, std::int64_t eta);

// How far a trial has come.
struct TrialProgress {
  std::vector<double> scores;  // one for each rung that it ended, the greater the better
  bool is_running = false;
  bool has_failed = false;  // it takes part in no further rung
};

// A trial to start, or to go on with, up to the end of a rung.
struct Climb {
  std::size_t trial = 0;  // the number of the trials there are: a new one
  std::size_t rung = 0;
};

// What to do next while others may be running; nullopt when a rung has to end first, or all is
// done. The best of a rung are chosen once all of its trials have ended or failed; of two that are
// as good the earlier one. NaN is the worst there is.
std::optional<Climb> next_climb(const std::vector<Rung>& rungs,
                                const std::vector<TrialProgress>& trials);

}  // namespace trainers
