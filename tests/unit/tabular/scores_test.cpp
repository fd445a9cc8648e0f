// Splits and scores; the numbers beside them were computed with scikit-learn 1.9.1.
#include <algorithm>
#include <array>
#include <cmath>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "trainers/tabular/metrics.h"
#include "trainers/tabular/split.h"

using namespace trainers::tabular;  // NOLINT(google-build-using-namespace): a test of these

namespace {

using Catch::Contains;

std::vector<std::size_t> all_of(const Split& split) {
  std::vector<std::size_t> all = split.train;
  all.insert(all.end(), split.validation.begin(), split.validation.end());
  all.insert(all.end(), split.test.begin(), split.test.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

// Row S2-21: 16,512 and 4,128.
TEST_CASE("a split deals every row once, in sizes as scikit-learn counts them", "[tabular]") {
  const Split split = split_rows(20'640, 0.2, 0, 42);
  CHECK(split.train.size() == 16'512);
  CHECK(split.test.size() == 4'128);
  CHECK(split.validation.empty());
  const std::vector<std::size_t> all = all_of(split);
  CHECK(all.size() == 20'640);
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
  CHECK(split_rows(442, 0.2, 0, 1).test.size() == 89);

  const Split three = split_rows(100, 0.2, 0.1, 42);
  CHECK(three.validation.size() == 8);
  CHECK(three.train.size() == 72);
  CHECK(all_of(three).size() == 100);
}

TEST_CASE("the seed decides the split, everywhere the same", "[tabular]") {
  CHECK(split_rows(100, 0.2, 0, 7).test == split_rows(100, 0.2, 0, 7).test);
  CHECK(split_rows(100, 0.2, 0, 7).test != split_rows(100, 0.2, 0, 8).test);
  // These test rows do not depend on validation being asked for.
  CHECK(split_rows(100, 0.2, 0, 7).test == split_rows(100, 0.2, 0.1, 7).test);
  CHECK(split_rows(10, 0.2, 0, 42).test == std::vector<std::size_t>{5, 6});
}

TEST_CASE("too few rows for both parts are refused with the numbers", "[tabular]") {
  CHECK_THROWS_WITH(split_rows(3, 0.2, 0, 1), Contains("of 3") && Contains("test_fraction"));
  CHECK_THROWS_WITH(split_rows(10, 0.2, 0.1, 1), Contains("validation_fraction"));
  CHECK_NOTHROW(split_rows(10, 0.2, 0, 1));
}

TEST_CASE("scores of a regression", "[tabular]") {
  const std::array<double, 4> truth{3, -0.5, 2, 7};
  const std::array<float, 4> predicted{2.5F, 0.0F, 2, 8};
  const Scores scores = regression_scores(truth, predicted);
  CHECK(scores.at("r2") == Approx(0.9486081370449679));
  CHECK(scores.at("rmse") == Approx(0.6123724356957945));
  CHECK(scores.at("mae") == Approx(0.5));
  const std::array<double, 2> same{1, 1};
  CHECK(std::isnan(regression_scores(same, std::array<float, 2>{1, 2}).at("r2")));
}

TEST_CASE("scores of two classes", "[tabular]") {
  const std::array<double, 6> truth{0, 0, 1, 1, 1, 0};
  // Two rows tie across the classes.
  const std::array<float, 6> said{0.1F, 0.4F, 0.35F, 0.8F, 0.4F, 0.6F};
  const Scores scores = classification_scores(truth, said, 2);
  CHECK(scores.at("accuracy") == Approx(0.5));
  CHECK(scores.at("f1") == Approx(0.4));
  CHECK(scores.at("roc_auc") == Approx(0.6111111111111112));
  CHECK(scores.at("log_loss") == Approx(0.6202888798308358));
  // Certainty that is wrong costs much, but not without end.
  CHECK(std::isfinite(log_loss(truth, std::array<float, 6>{1, 1, 0, 0, 0, 1}, 2)));
  // Of one class only there is no curve.
  const std::array<double, 2> ones{1, 1};
  CHECK(classification_scores(ones, std::array<float, 2>{0.9F, 0.2F}, 2).count("roc_auc") == 0);
}

TEST_CASE("scores of three classes", "[tabular]") {
  const std::array<double, 4> truth{0, 1, 2, 2};
  const std::array<float, 12> said{0.7F, 0.2F, 0.1F, 0.5F, 0.3F, 0.2F,
                                   0.1F, 0.1F, 0.8F, 0.2F, 0.2F, 0.6F};
  const Scores scores = classification_scores(truth, said, 3);
  CHECK(scores.at("accuracy") == Approx(0.75));
  CHECK(scores.at("f1_macro") == Approx(0.5555555555555555));
  CHECK(scores.at("log_loss") == Approx(0.5736542308362172));
}
