// The points of a chart: the first of each bucket as NTILE deals them, and the last, whatever
// steps and equal steps the curve has (mlflow's get-history-bulk-interval).
#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/metrics.h"
#include "sandbox/tracking/runs.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;            // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::tracking;  // NOLINT(google-build-using-namespace): namespace

namespace {

struct Lab {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  Experiments experiments{env, *database, "mlflow-artifacts:/"};
  Runs runs{env, *database};
  Metrics metrics{*database};

  std::string run_with(const std::vector<Metric>& points) {
    NewRun request;
    request.experiment_id = "0";
    const std::string id = runs.create(request).info.run_id;
    runs.log_batch(id, points, {}, {});
    return id;
  }
};

Metric point(std::int64_t step, double value) {
  Metric made;
  made.key = "loss";
  made.step = step;
  made.timestamp = 1;
  made.value = value;
  return made;
}

// By their ranks, as the window function does it.
std::vector<double> expected(std::vector<Metric> points, std::int64_t buckets) {
  std::sort(points.begin(), points.end(), [](const Metric& left, const Metric& right) {
    return std::pair(left.step, left.value) < std::pair(right.step, right.value);
  });
  std::vector<double> values;
  const auto count = static_cast<std::int64_t>(points.size());
  if (count <= buckets) {
    for (const Metric& one : points) values.push_back(one.value);
    return values;
  }
  for (std::int64_t i = 0; i < buckets; ++i) {
    const std::int64_t rank = i * (count / buckets) + std::min(i, count % buckets);
    values.push_back(points[static_cast<std::size_t>(rank)].value);
  }
  values.back() = points.back().value;
  return values;
}

}  // namespace

TEST_CASE("a chart's points are those of the buckets, whatever steps there are", "[tracking]") {
  Lab lab;
  std::mt19937 chance(7);  // NOLINT(cert-msc51-cpp): the same every time
  for (const int most_between : {1, 3, 0}) {
    for (const int count : {1, 2, 7, 40, 333, 900}) {
      std::vector<Metric> points;
      std::int64_t step = -20;
      for (int i = 0; i < count; ++i) {
        points.push_back(point(step, i));
        // 1: one point a step. 3: gaps, and at times several. 0: all at one step.
        step += most_between == 1 ? 1 : static_cast<int>(chance() % (most_between + 1U));
      }
      const std::string run = lab.run_with(points);
      for (const int buckets : {1, 2, 3, 7, 39, 40, 320}) {
        std::vector<double> seen;
        for (const RunMetric& one :
             lab.metrics.history_interval({run}, "loss", buckets, std::nullopt)) {
          seen.push_back(one.value);
        }
        INFO(count << " points, " << buckets << " buckets, " << most_between);
        CHECK(seen == expected(points, buckets));
      }
    }
  }
}
