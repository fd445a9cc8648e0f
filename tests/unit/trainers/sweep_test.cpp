// What a sweep may vary, and where its strategies look.
#include <cmath>
#include <set>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "trainers/sweep/space.h"
#include "trainers/sweep/strategy.h"

using namespace trainers;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

Space space_of(const std::vector<std::string>& texts) {
  Space space;
  for (const std::string& text : texts) space.push_back(Dimension::parse(text));
  return space;
}

// Best at learning_rate 0.01, depth 7 and "b".
double score(const Space& space, const Point& point) {
  const Texts values = values_at(space, point);
  const double rate = std::log10(std::stod(values.at("learning_rate"))) + 2;
  const double depth = (std::stod(values.at("max_depth")) - 7) / 10;
  return -(rate * rate + depth * depth) - (values.at("optimizer") == "b" ? 0 : 0.5);
}

const std::vector<std::string> example{"learning-rate=log(1e-5,1e-0)", "max_depth=int(1,20)",
                                       "optimizer=a,b,c"};

}  // namespace

TEST_CASE("dimensions are read as they are written", "[sweep]") {
  const Dimension rate = Dimension::parse("learning_rate=log(1e-4,1e-1)");
  CHECK(rate.parameter() == "learning_rate");
  CHECK(std::stod(rate.value_at(0)) == 1e-4);
  CHECK(std::stod(rate.value_at(1)) == 0.1);
  CHECK(std::stod(rate.value_at(0.5)) == Approx(std::sqrt(1e-5)).epsilon(1e-5));
  const Dimension depth = Dimension::parse("max_depth=int(2,4)");
  CHECK(depth.value_at(0) == "2");
  CHECK(depth.value_at(0.5) == "3");
  CHECK(depth.value_at(1) == "4");
  const Dimension choice = Dimension::parse("batch_size = choice(32, 64)");
  CHECK(choice.value_at(0.49) == "32");
  CHECK(choice.value_at(0.51) == "64");
  for (const char* wrong :
       {"", "x", "=log(1,2)", "x=log(0,1)", "x=log(2,1)", "x=uniform(1)", "x=uniform(a,b)",
        "x=normal(0,1)", "x=choice(a,a)", "x=choice()", "x="}) {
    CHECK_THROWS_AS(Dimension::parse(wrong), sandbox::Error);
  }
}

TEST_CASE("a value lies where it came from", "[sweep]") {
  const Space space = space_of(example);
  for (std::size_t number = 0; number < 50; ++number) {
    const Texts values = values_at(space, random_point(space, 7, number));
    CHECK(values_at(space, point_of(space, values)) == values);
  }
}

TEST_CASE("what a parameter cannot be is refused before the first trial", "[sweep]") {
  ParameterRow row;
  row.name = "max_depth";
  row.kind = ParameterRow::Kind::integer;
  row.range = {1, 10};
  check(space_of({"max_depth=int(1,10)"}), {row});
  CHECK_THROWS_AS(check(space_of({"max_depth=int(1,11)"}), {row}), sandbox::Error);
  CHECK_THROWS_AS(check(space_of({"max_depth=1,x"}), {row}), sandbox::Error);
  CHECK_THROWS_WITH(check(space_of({"depth=1,2"}), {row}), Catch::Contains("There are: max_depth"));
  CHECK_THROWS_WITH(check(space_of({"max_depth=1,2", "max_depth=3,4"}), {row}),
                    Catch::Contains("comes twice"));
}

TEST_CASE("a grid has every combination once, and no more than asked for", "[sweep]") {
  const Space space = space_of({"a=1,2,3", "b=uniform(0,1)"});
  const auto points = grid_points(space, 12);
  CHECK(points.size() == 12);  // 3 choices, 4 places
  std::set<Texts> seen;
  for (const Point& point : points) seen.insert(values_at(space, point));
  CHECK(seen.size() == 12);
  CHECK(seen.contains(Texts{{"a", "1"}, {"b", "0"}}));
  CHECK(seen.contains(Texts{{"a", "3"}, {"b", "1"}}));
  CHECK(grid_points(space_of({"a=1,2,3"}), 2).size() == 2);
}

TEST_CASE("the same seed gives the same points, and all of the space is reached", "[sweep]") {
  const Space space = space_of(example);
  CHECK(random_point(space, 1, 5) == random_point(space, 1, 5));
  CHECK(random_point(space, 1, 5) != random_point(space, 1, 6));
  CHECK(random_point(space, 1, 5) != random_point(space, 2, 5));
  std::set<std::string> words;
  double least = 1;
  double most = 0;
  for (std::size_t number = 0; number < 200; ++number) {
    const Point point = random_point(space, 1, number);
    words.insert(values_at(space, point).at("optimizer"));
    least = std::min(least, point[0]);
    most = std::max(most, point[0]);
  }
  CHECK(words.size() == 3);
  CHECK(least < 0.05);
  CHECK(most > 0.95);
}

TEST_CASE("tpe finds better points than chance does", "[sweep]") {
  const Space space = space_of(example);
  int wins = 0;
  double lead = 0;
  constexpr std::uint64_t seeds = 25;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    std::vector<Trial> history;
    double best_random = -1e9;
    double best = -1e9;
    for (std::size_t number = 0; number < 50; ++number) {
      const Point point = tpe_point(space, history, seed, number);
      history.push_back({point, score(space, point)});
      best = std::max(best, *history.back().score);
      best_random = std::max(best_random, score(space, random_point(space, seed, number)));
    }
    lead += best - best_random;
    if (best >= best_random) ++wins;
  }
  CHECK(wins >= 18);
  CHECK(lead > 0);
}

TEST_CASE("trials that failed teach nothing", "[sweep]") {
  const Space space = space_of(example);
  std::vector<Trial> history;
  for (std::size_t number = 0; number < 30; ++number) {
    history.push_back({random_point(space, 3, number), std::nullopt});
  }
  history.push_back({random_point(space, 3, 30), std::nan("")});
  CHECK(tpe_point(space, history, 3, 31) == random_point(space, 3, 31));
}
