// Who goes on to the next rung of a sweep that halves, and when.
#include "trainers/sweep/halving.h"

#include <cmath>
#include <vector>

#include <catch2/catch.hpp>

using namespace trainers;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

std::vector<std::pair<std::size_t, std::int64_t>> pairs(const std::vector<Rung>& rungs) {
  std::vector<std::pair<std::size_t, std::int64_t>> out;
  for (const Rung& rung : rungs) out.emplace_back(rung.trials, rung.resource);
  return out;
}

TrialProgress with_scores(std::vector<double> scores) {
  return {std::move(scores), false, false};
}

// Runs all there is to run, so many at once; the one that began first ends first. Answers what was
// started, in order.
std::vector<Climb> climbs(const std::vector<Rung>& rungs,
                          std::vector<TrialProgress> trials,
                          std::size_t parallel,
                          const std::vector<double>& scores) {
  std::vector<Climb> started;
  std::vector<std::size_t> running;
  while (true) {
    while (running.size() < parallel) {
      const auto next = next_climb(rungs, trials);
      if (!next) break;
      if (next->trial == trials.size()) trials.push_back({});
      trials[next->trial].is_running = true;
      running.push_back(next->trial);
      started.push_back(*next);
    }
    if (running.empty()) return started;
    TrialProgress& ended = trials[running.front()];
    ended.is_running = false;
    ended.scores.push_back(scores[running.front()]);
    running.erase(running.begin());
  }
}

std::vector<std::size_t> trials_of(const std::vector<Climb>& climbs, std::size_t rung) {
  std::vector<std::size_t> trials;
  for (const Climb& climb : climbs) {
    if (climb.rung == rung) trials.push_back(climb.trial);
  }
  return trials;
}

}  // namespace

TEST_CASE("each rung has an eta-th of the trials and eta times the resource", "[sweep]") {
  using Pairs = std::vector<std::pair<std::size_t, std::int64_t>>;
  CHECK(pairs(halving_rungs(9, 9, 3)) == Pairs{{9, 1}, {3, 3}, {1, 9}});
  CHECK(pairs(halving_rungs(20, 20, 3)) == Pairs{{20, 2}, {6, 7}, {2, 20}});
  CHECK(pairs(halving_rungs(8, 5, 2)) == Pairs{{8, 1}, {4, 3}, {2, 5}});
  // As many rungs as the trials allow, or the resource.
  CHECK(pairs(halving_rungs(3, 100, 3)) == Pairs{{3, 33}, {1, 100}});
  CHECK(pairs(halving_rungs(100, 4, 3)) == Pairs{{100, 1}, {33, 4}});
  CHECK(pairs(halving_rungs(2, 100, 3)) == Pairs{{2, 100}});
  CHECK(pairs(halving_rungs(100, 2, 3)) == Pairs{{100, 2}});
}

TEST_CASE("the best of each rung go on, whatever runs beside each other", "[sweep]") {
  const std::vector<double> scores{0.3, 0.9, 0.1, 0.5, 0.8, 0.2, 0.7, 0.4, 0.6};
  const std::size_t parallel = GENERATE(1, 2, 4, 20);
  const auto all = climbs(halving_rungs(9, 9, 3), {}, parallel, scores);
  CHECK(trials_of(all, 0) == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(trials_of(all, 1) == std::vector<std::size_t>{1, 4, 6});
  CHECK(trials_of(all, 2) == std::vector<std::size_t>{1});
  CHECK(all.size() == 13);
}

TEST_CASE("nobody goes on before the whole rung has ended", "[sweep]") {
  const auto rungs = halving_rungs(3, 3, 3);
  std::vector<TrialProgress> trials{with_scores({0.9}), with_scores({0.1}), {{}, true, false}};
  CHECK(!next_climb(rungs, trials));
  trials[2] = with_scores({0.2});
  const auto next = next_climb(rungs, trials);
  REQUIRE(next);
  CHECK(next->trial == 0);
  CHECK(next->rung == 1);
}

TEST_CASE("a trial that was interrupted goes on in its own rung", "[sweep]") {
  const auto rungs = halving_rungs(9, 9, 3);
  std::vector<TrialProgress> trials;
  for (int i = 0; i < 9; ++i) trials.push_back(with_scores({i / 10.0}));
  trials[8].scores.push_back(0.85);
  trials[6].scores.push_back(0.95);
  auto next = next_climb(rungs, trials);  // the third of the second rung was not done
  REQUIRE(next);
  CHECK(next->trial == 7);
  CHECK(next->rung == 1);
  trials[3].scores.clear();  // nor one of the first
  next = next_climb(rungs, trials);
  REQUIRE(next);
  CHECK(next->trial == 3);
  CHECK(next->rung == 0);
}

TEST_CASE("failed trials and those without a number do not go on", "[sweep]") {
  const auto rungs = halving_rungs(4, 4, 2);
  std::vector<TrialProgress> trials{
      with_scores({std::nan("")}), with_scores({0.1}), with_scores({0.2}), {{}, false, true}};
  auto next = next_climb(rungs, trials);
  REQUIRE(next);
  CHECK(next->trial == 2);
  trials[2].has_failed = true;  // while it was in the second rung
  next = next_climb(rungs, trials);
  REQUIRE(next);
  CHECK(next->trial == 1);
  trials[1].scores.push_back(0.3);
  next = next_climb(rungs, trials);
  REQUIRE(next);
  CHECK(next->trial == 1);
  CHECK(next->rung == 2);
  trials[1].has_failed = true;
  CHECK(!next_climb(rungs, trials));
}

TEST_CASE("of two that are as good the earlier one goes on", "[sweep]") {
  const auto all = climbs(halving_rungs(4, 4, 2), {}, 1, {0.5, 0.5, 0.5, 0.5});
  CHECK(trials_of(all, 1) == std::vector<std::size_t>{0, 1});
  CHECK(trials_of(all, 2) == std::vector<std::size_t>{0});
}
