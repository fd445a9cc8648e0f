// From CSV text to numbers: what is taken, and the sentences for what is not.
#include "trainers/tabular/table.h"

#include <cmath>
#include <sstream>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"

using namespace trainers::tabular;  // NOLINT(google-build-using-namespace): a test of these

namespace {

using Catch::Contains;

Table read(const std::string& text,
           const std::string& target = "y",
           const std::vector<std::string>& drop = {}) {
  std::istringstream in(text);
  return read_table(in, "a.csv", target, drop);
}

Target target_of(const std::string& text, const std::string& task = "auto") {
  return read_target(read(text), task);
}

}  // namespace

TEST_CASE("columns but the target and the dropped ones are features, missing values stay missing",
          "[tabular]") {
  const Table table = read("a,id,y,b\n1,x,5,\n-2.5e3,z,6,+3\nNA,w,7,nan\n", "y", {"id"});
  CHECK(table.columns == std::vector<std::string>{"a", "b"});
  CHECK(table.rows() == 3);
  CHECK(table.at(0, 0) == 1);
  CHECK(std::isnan(table.at(0, 1)));
  CHECK(table.at(1, 0) == -2500);
  CHECK(table.at(1, 1) == 3);
  CHECK(std::isnan(table.at(2, 0)));
  CHECK(table.target_texts == std::vector<std::string>{"5", "6", "7"});
}

TEST_CASE("a field that is no number is refused with its line, its column and a way out",
          "[tabular]") {
  CHECK_THROWS_WITH(
      read("a,city,y\n1,2,3\n4,Seoul,6\n"),
      "a.csv, line 3, column 'city': 'Seoul' is no finite number. A column that holds "
      "something else can be left out: --drop city.");
  CHECK_THROWS_WITH(read("a,y\ninf,3\n"), Contains("'inf' is no finite number"));
  // XGBoost keeps values as floats, in which this is infinite.
  CHECK_THROWS_WITH(read("a,y\n1e39,3\n"), Contains("'1e39' is no finite number"));
}

TEST_CASE("files that cannot be learnt from are refused in words", "[tabular]") {
  CHECK_THROWS_WITH(read(""), "a.csv is empty.");
  CHECK_THROWS_WITH(read("a,y\n"), Contains("no row below"));
  CHECK_THROWS_WITH(read("a,b\n1,2\n"), "There is no column 'y' to predict; a.csv has a, b.");
  CHECK_THROWS_WITH(read("a,b\n1,2\n", ""), Contains("--target") && Contains("a, b"));
  CHECK_THROWS_WITH(read("y\n1\n"), Contains("no column beside the target"));
  CHECK_THROWS_WITH(read("a,a,y\n1,2,3\n"), Contains("two columns 'a'"));
  CHECK_THROWS_WITH(read("a,,y\n1,2,3\n"), Contains("column without a name"));
  CHECK_THROWS_WITH(read("a[0],y\n1,2\n"), Contains("'a[0]'") && Contains("Rename"));
  CHECK_THROWS_WITH(read("a,y\n1,2,3\n"), Contains("line 2 has 3 fields, the first line has 2"));
  CHECK_THROWS_WITH(read("a,b,y\n1,,3\n2,,4\n"), Contains("'b'") && Contains("no value at all"));
  CHECK_THROWS_WITH(read("a,y\n1,2\n", "y", {"z"}), Contains("no column 'z' to drop"));
}

TEST_CASE("auto takes text and few whole numbers for classes, in order", "[tabular]") {
  const Target text = target_of("a,y\n1,no\n2,yes\n3,no\n");
  CHECK(text.task == Task::classification);
  CHECK(text.classes == std::vector<std::string>{"no", "yes"});
  CHECK(text.values == std::vector<double>{0, 1, 0});

  const Target whole = target_of("a,y\n1,10\n2,9\n3,10.0\n");
  CHECK(whole.classes == std::vector<std::string>{"9", "10"});
  CHECK(whole.values == std::vector<double>{1, 0, 1});

  CHECK(target_of("a,y\n1,0.5\n2,2\n").task == Task::regression);
  std::string many = "a,y\n";
  for (std::size_t i = 0; i <= auto_classes_max; ++i) many += "1," + std::to_string(i) + "\n";
  CHECK(target_of(many).task == Task::regression);
  CHECK(target_of(many, "classification").classes.size() == auto_classes_max + 1);
  CHECK(target_of("a,y\n1,0\n2,1\n", "regression").task == Task::regression);
}

TEST_CASE("a target that is missing, no number or always the same is refused", "[tabular]") {
  CHECK_THROWS_WITH(target_of("a,y\n1,2\n2,NaN\n"),
                    Contains("a.csv, line 3") && Contains("'y' has no value"));
  CHECK_THROWS_WITH(target_of("a,y\n1,2.5\n2,\n", "regression"), Contains("line 3"));
  CHECK_THROWS_WITH(target_of("a,y\n1,2\n2,high\n", "regression"),
                    Contains("line 3") && Contains("'high'") && Contains("--task classification"));
  CHECK_THROWS_WITH(target_of("a,y\n1,2\n2,2\n"), Contains("same in every row"));
}

// Rows S2-17 to S2-19.
TEST_CASE("the derived features of California Housing", "[tabular]") {
  Table table = read(
      "AveRooms,AveBedrms,Population,AveOccup,Latitude,Longitude,y\n"
      "5,1.25,300,3,37.77,-122.42,1\n"
      "4,1,100,2,40.77,-118.42,2\n");
  add_derived_features(table);
  CHECK(table.columns.size() == 9);
  CHECK(table.columns[6] == "bedroom_ratio");
  CHECK(table.columns[7] == "people_per_household");
  CHECK(table.columns[8] == "dist_to_bay");
  CHECK(table.at(0, 6) == Approx(1.25 / (5 + 1e-6)).epsilon(1e-12));
  CHECK(table.at(0, 7) == Approx(300 / (3 + 1e-6)).epsilon(1e-12));
  CHECK(table.at(0, 8) == 0);
  CHECK(table.at(1, 8) == Approx(5));
  CHECK(table.at(1, 0) == 4);
  CHECK(is_derived_from("Latitude"));
  CHECK_FALSE(is_derived_from("MedInc"));

  Table other = read("a,y\n1,2\n2,3\n");
  CHECK_THROWS_WITH(add_derived_features(other),
                    Contains("bedroom_ratio") && Contains("AveBedrms"));
}
