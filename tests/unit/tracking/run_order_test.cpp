// Whichever way a search takes through the tables, its pages are the same: those of all runs that
// meet the filter, numbers first, then NaN, then runs without the metric, equal ones by start time.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <tuple>

#include <catch2/catch.hpp>

#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/metrics.h"
#include "sandbox/tracking/runs.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;            // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::tracking;  // NOLINT(google-build-using-namespace): namespace

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct Known {
  std::string id;
  std::int64_t start_time;
  std::optional<double> score;
};

// What the test gives its runs: few values, so that many are equal, or all different ones.
enum class Values { equal, few, different };

struct Lab {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  Experiments experiments{env, *database, "mlflow-artifacts:/"};
  Runs runs{env, *database};
  Metrics metrics{*database};
  std::mt19937 random{7};
  std::string other = experiments.create("other", "", {});
  std::vector<Known> known;  // of experiment 0

  explicit Lab(Values values) {
    for (int i = 0; i < 240; ++i) add(i, values);
  }

  void add(int number, Values values) {
    NewRun in;
    in.experiment_id = number % 3 == 0 ? other : "0";
    in.start_time = static_cast<std::int64_t>(random() % 20);
    const std::string id = runs.create(in).info.run_id;
    std::optional<double> score;
    if (random() % 10 != 0) {
      score = values == Values::equal       ? 1.0
              : values == Values::different ? number * 0.5 - 20
                                            : static_cast<double>(random() % 6) - 2;
      if (random() % 12 == 0) score = not_a_number;
    }
    if (score) {
      Metric metric;
      metric.key = "score";
      metric.value = *score;
      metrics.log(id, metric);
    }
    if (in.experiment_id == "0") known.push_back({id, in.start_time, score});
  }

  // What the reference's rule says, by sorting all of them.
  std::vector<std::string> expected(std::optional<double> above, bool ascending) {
    std::vector<Known> kept;
    for (const Known& run : known) {
      if (!above || (run.score && *run.score > *above)) kept.push_back(run);
    }
    const auto rank = [&](const Known& run) {
      const int group = !run.score ? 2 : std::isnan(*run.score) ? 1 : 0;
      const double value = group == 0 ? (ascending ? *run.score : -*run.score) : 0;
      return std::tuple(group, value, -run.start_time, run.id);
    };
    std::sort(kept.begin(), kept.end(),
              [&](const Known& left, const Known& right) { return rank(left) < rank(right); });
    std::vector<std::string> ids;
    for (const Known& run : kept) ids.push_back(run.id);
    return ids;
  }

  std::vector<std::string> found(std::optional<double> above, bool ascending, int page) {
    RunSearch search;
    search.experiment_ids = {"0"};
    search.order_by = {ascending ? "metrics.score ASC" : "metrics.score DESC"};
    if (above) search.filter = "metrics.score > " + std::to_string(*above);
    search.max_results = page;
    std::vector<std::string> ids;
    do {
      const RunPage part = runs.search(search);
      for (const Run& run : part.runs) ids.push_back(run.info.run_id);
      search.page_token = part.next_page_token.value_or("");
    } while (!search.page_token.empty());
    return ids;
  }
};

}  // namespace

TEST_CASE("pages ordered by a metric are those of all runs sorted", "[tracking]") {
  const Values values = GENERATE(Values::equal, Values::few, Values::different);
  Lab lab(values);
  for (const int page : {1, 4, 25, 1000}) {
    for (const bool ascending : {true, false}) {
      for (const std::optional<double> above :
           {std::optional<double>(), std::optional(0.0), std::optional(90.0)}) {
        INFO("page " << page << " ascending " << ascending << " above " << above.value_or(-1));
        CHECK(lab.found(above, ascending, page) == lab.expected(above, ascending));
      }
    }
  }
}

TEST_CASE("a filter finds the same runs whether few or many meet it", "[tracking]") {
  Lab lab(Values::different);
  const std::size_t all = lab.expected(-1000.0, true).size();
  CHECK(lab.found(-1000.0, true, 50).size() == all);
  // So many others with the key that the condition is no longer a rare one.
  lab.database->write([&](db::Tx& tx) {
    for (int i = 0; i < 2'100; ++i) {
      const std::string id = "other" + std::to_string(i);
      tx.execute(
          "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage) VALUES (?, ?, 'active')", id,
          std::int64_t{std::stol(lab.other)});
      tx.execute(
          "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES "
          "('score', ?, 0, 0, ?, ?)",
          -500.0, false, id);
    }
  });
  CHECK(lab.found(-1000.0, true, 50) == lab.expected(-1000.0, true));
  CHECK(lab.found(-1000.0, false, 50) == lab.expected(-1000.0, false));
}
