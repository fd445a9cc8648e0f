#include "trainers/sweep/halving.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace trainers {
namespace {

constexpr double worst = -std::numeric_limits<double>::infinity();

double score_at(const TrialProgress& trial, std::size_t rung) {
  const double score = trial.scores[rung];
  return std::isnan(score) ? worst : score;
}

bool has_ended(const TrialProgress& trial, std::size_t rung) {
  return trial.scores.size() > rung;
}

// The best of those that ended a rung, as many as the next one takes.
std::vector<std::size_t> best_of(const std::vector<TrialProgress>& trials,
                                 const std::vector<std::size_t>& members,
                                 std::size_t rung,
                                 std::size_t count) {
  std::vector<std::size_t> best;
  for (const std::size_t member : members) {
    if (has_ended(trials[member], rung)) best.push_back(member);
  }
  std::stable_sort(best.begin(), best.end(), [&](std::size_t left, std::size_t right) {
    return score_at(trials[left], rung) > score_at(trials[right], rung);
  });
  best.resize(std::min(best.size(), count));
  return best;
}

}  // namespace

std::vector<Rung> halving_rungs(std::size_t trials, std::int64_t resource_max, std::int64_t eta) {
  std::vector<Rung> rungs;
  std::int64_t divisor = 1;
  const auto share = static_cast<std::size_t>(eta);
  for (std::size_t left = trials;; left /= share, divisor *= eta) {
    rungs.push_back({left, divisor});
    if (left / share < 1 || resource_max / (divisor * eta) < 1) break;
  }
  for (Rung& rung : rungs) {
    const double part = static_cast<double>(rung.resource) / static_cast<double>(divisor);
    rung.resource = std::llround(static_cast<double>(resource_max) * part);
  }
  return rungs;
}

std::optional<Climb> next_climb(const std::vector<Rung>& rungs,
                                const std::vector<TrialProgress>& trials) {
  std::vector<std::size_t> members(trials.size());
  std::iota(members.begin(), members.end(), std::size_t{0});
  for (std::size_t rung = 0; rung < rungs.size(); ++rung) {
    bool is_over = true;
    for (const std::size_t member : members) {
      const TrialProgress& trial = trials[member];
      if (has_ended(trial, rung) || trial.has_failed) continue;
      if (!trial.is_running) return Climb{member, rung};
      is_over = false;
    }
    if (rung == 0 && trials.size() < rungs[0].trials) return Climb{trials.size(), 0};
    if (!is_over || rung + 1 == rungs.size()) return std::nullopt;
    members = best_of(trials, members, rung, rungs[rung + 1].trials);
  }
  return std::nullopt;
}

}  // namespace trainers
