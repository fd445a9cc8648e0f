#include "sandbox/cli/replay.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "sandbox/base/python_json.h"
#include "sandbox/tracking/runs.h"

namespace sandbox::cli {
namespace {

constexpr const char* commit_tag = "mlflow.source.git.commit";

struct RunAnswer {
  tracking::Run run;
  static constexpr auto fields() { return std::tuple{field("run", &RunAnswer::run)}; }
};

using Points = std::vector<tracking::Metric>;

tracking::Run ask_run(TrackingDoor& door, const std::string& run_id) {
  return from_json<RunAnswer>(door.get("2.0/mlflow/runs/get", {{"run_id", run_id}})).run;
}

Points ask_points(TrackingDoor& door, const std::string& run_id, const std::string& key) {
  Points points;
  std::string token;
  do {
    auto page = from_json<tracking::MetricPage>(
        door.get("2.0/mlflow/metrics/get-history", {{"run_id", run_id},
                                                    {"metric_key", key},
                                                    {"max_results", "25000"},
                                                    {"page_token", token}}));
    points.insert(points.end(), page.metrics.begin(), page.metrics.end());
    token = page.next_page_token.value_or("");
  } while (!token.empty());
  // In the order of the steps; points of one step keep the order in which they came.
  std::stable_sort(points.begin(), points.end(),
                   [](const auto& left, const auto& right) { return left.step < right.step; });
  return points;
}

std::map<std::string, std::string> map_of(const std::vector<tracking::KeyValue>& list) {
  std::map<std::string, std::string> out;
  for (const auto& one : list) out[one.key] = one.value;
  return out;
}

// Those that a command logged, not those about its job.
std::map<std::string, std::string> own_params(const tracking::Run& run) {
  auto params = map_of(run.data.params);
  std::erase_if(params, [](const auto& one) { return one.first.starts_with("job."); });
  return params;
}

std::set<std::string> digests_of(const tracking::Run& run) {
  std::set<std::string> out;
  for (const auto& input : run.inputs.dataset_inputs) {
    out.insert(input.dataset.name + " " + input.dataset.digest);
  }
  return out;
}

std::set<std::string> metric_keys(const tracking::Run& run) {
  std::set<std::string> keys;
  for (const auto& metric : run.data.metrics) {
    if (!metric.key.starts_with("system/")) keys.insert(metric.key);
  }
  return keys;
}

// The first place where two curves part.
struct Difference {
  std::int64_t step = 0;
  std::string text;
};
std::optional<Difference> first_difference(const std::string& key,
                                           const Points& then,
                                           const Points& now) {
  const auto shown = [](double value) { return PythonJson::of(value).dumps(); };
  for (std::size_t i = 0; i < std::max(then.size(), now.size()); ++i) {
    if (i >= then.size() || i >= now.size()) {
      const bool is_shorter = i >= now.size();
      return Difference{(is_shorter ? then : now)[i].step,
                        key + (is_shorter ? " has a point less" : " has a point more")};
    }
    const bool is_equal =
        then[i].value == now[i].value || (std::isnan(then[i].value) && std::isnan(now[i].value));
    if (then[i].step != now[i].step || !is_equal) {
      return Difference{std::min(then[i].step, now[i].step),
                        key + " was " + shown(then[i].value) + ", is " + shown(now[i].value)};
    }
  }
  return std::nullopt;
}

std::vector<std::string> notes_about(const tracking::Run& then, const tracking::Run& now) {
  std::vector<std::string> notes;
  const std::string commit_then = map_of(then.data.tags)[commit_tag];
  const std::string commit_now = map_of(now.data.tags)[commit_tag];
  if (commit_then != commit_now) {
    notes.push_back("The code is another: commit " + (commit_then.empty() ? "none" : commit_then) +
                    " then, " + (commit_now.empty() ? "none" : commit_now) + " now.");
  }
  if (digests_of(then) != digests_of(now))
    notes.push_back("The data are others: their digests differ.");
  const auto params_then = own_params(then);
  const auto params_now = own_params(now);
  for (const auto& [key, value] : params_then) {
    const auto found = params_now.find(key);
    if (found == params_now.end()) {
      notes.push_back("The parameter " + key + " is missing.");
    } else if (found->second != value) {
      notes.push_back("The parameter " + key + " was " + value + ", is " + found->second + ".");
    }
  }
  return notes;
}

}  // namespace

Comparison compare_runs(TrackingDoor& door, const std::string& then_id, const std::string& now_id) {
  const tracking::Run then = ask_run(door, then_id);
  const tracking::Run now = ask_run(door, now_id);
  Comparison out;
  out.notes = notes_about(then, now);
  std::set<std::string> keys = metric_keys(then);
  keys.merge(metric_keys(now));
  std::optional<Difference> first;
  std::size_t points = 0;
  for (const std::string& key : keys) {
    const Points before = ask_points(door, then_id, key);
    const auto difference = first_difference(key, before, ask_points(door, now_id, key));
    points += before.size();
    if (difference && (!first || difference->step < first->step)) first = difference;
  }
  out.is_same = !first && keys.size() == metric_keys(then).size();
  out.verdict = first ? "differs at step " + std::to_string(first->step) + ": " + first->text
                      : "same: " + std::to_string(points) + " points of " +
                            std::to_string(keys.size()) + " metrics";
  return out;
}

}  // namespace sandbox::cli
