#include "sandbox/traces/correlation.h"

#include <catch2/catch.hpp>

using namespace sandbox::traces;  // NOLINT(google-build-using-namespace): a test of these

namespace {

FilterCorrelation of(std::int64_t first,
                     std::int64_t second,
                     std::int64_t joint,
                     std::int64_t all) {
  FilterCorrelation correlation;
  correlation.filter1_count = first;
  correlation.filter2_count = second;
  correlation.joint_count = joint;
  correlation.total_count = all;
  set_npmi(correlation);
  return correlation;
}

}  // namespace

TEST_CASE("filters that find the same traces correlate fully", "[traces]") {
  CHECK(*of(5, 5, 5, 10).npmi == Approx(1.0));
  CHECK(*of(5, 5, 5, 10).npmi_smoothed == Approx(0.7769392487011186));
  CHECK(*of(10, 10, 10, 10).npmi == 1.0);
  CHECK(*of(10, 10, 10, 10).npmi_smoothed == 1.0);
}

TEST_CASE("filters that never meet exclude each other", "[traces]") {
  CHECK(*of(5, 5, 0, 10).npmi == -1.0);
  CHECK(*of(5, 5, 0, 10).npmi_smoothed == Approx(-0.5637914160289369));
}

TEST_CASE("filters that do not care about each other do not correlate", "[traces]") {
  CHECK(*of(10, 5, 5, 10).npmi == Approx(0.0));
  CHECK(*of(50, 50, 25, 100).npmi == Approx(0.0).margin(1e-12));
}

TEST_CASE("the usual case lies between", "[traces]") {
  CHECK(*of(5, 5, 4, 10).npmi == Approx(0.5129415947320599));
  CHECK(*of(5, 5, 1, 10).npmi == Approx(-0.3979400086720376));
  CHECK(*of(5, 5, 1, 10).npmi_smoothed == Approx(-0.3333333333333333));
}

TEST_CASE("what a filter never finds has no correlation", "[traces]") {
  CHECK_FALSE(of(5, 0, 0, 10).npmi);
  CHECK_FALSE(of(0, 5, 0, 10).npmi_smoothed);
  CHECK_FALSE(of(0, 0, 0, 0).npmi);
}
