#include "sandbox/import/file_store.h"

#include <cmath>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/import/file_store_meta.h"
#include "sandbox/base/yaml.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::import;  // NOLINT(google-build-using-namespace)

TEST_CASE("a line of a metric is a time, a value and a step", "[import]") {
  const auto line = read_metric_line("1700000000000 0.5 3", false);
  REQUIRE(line);
  CHECK(line->timestamp == 1'700'000'000'000);
  CHECK(line->value == 0.5);
  CHECK(line->step == 3);
  CHECK(read_metric_line("1 2", false)->step == 0);
  CHECK(std::isnan(read_metric_line("1 nan 0", false)->value));
  CHECK(read_metric_line("1 inf 0\r", false)->value > 1e308);
  CHECK(read_metric_line("1 -inf -5", false)->step == -5);
  CHECK(read_metric_line("1 -1.5e-7 0", false)->value == -1.5e-7);
  for (const char* wrong : {"", "1", "x 1 2", "1 x 2", "1 2 x", "1 2 3.5", "1 --2 3"}) {
    CHECK_FALSE(read_metric_line(wrong, false));
  }
}

TEST_CASE("a line of a logged model's metric names its run and perhaps a dataset", "[import]") {
  const auto line = read_metric_line("1 0.5 3 abc name digest", true);
  REQUIRE(line);
  CHECK(line->run_id == "abc");
  CHECK(line->dataset_name == "name");
  CHECK(line->dataset_digest == "digest");
  CHECK_FALSE(read_metric_line("1 0.5 3 abc", true)->dataset_name);
  CHECK_FALSE(read_metric_line("1 0.5 3", true));
  CHECK_FALSE(read_metric_line("1 0.5 3 abc name", true));
}

TEST_CASE("YAML is read as Python reads it", "[import]") {
  const PythonJson meta = read_yaml(
      "experiment_id: '0'\nend_time: null\nstart_time: 1700000000000\nempty: ''\nname: \"a\\nb\"\n"
      "plain: FINISHED\nflag: false\nquoted: 'null'\nreal: 0.5\nlist: [1, 'x']\nmap: {k: v}\n"
      "folded: 'one\n\n  two'\n");
  CHECK(meta_text(meta, "experiment_id") == "0");
  CHECK_FALSE(meta_text(meta, "end_time"));
  CHECK_FALSE(meta_text(meta, "absent"));
  CHECK(meta_integer(meta, "start_time") == 1'700'000'000'000);
  CHECK(meta_text(meta, "empty") == "");
  CHECK(meta_text(meta, "name") == "a\nb");
  CHECK(meta_text(meta, "plain") == "FINISHED");
  CHECK(meta_text(meta, "flag") == "False");
  CHECK(meta_text(meta, "quoted") == "null");
  CHECK(meta_text(meta, "folded") == "one\ntwo");
  CHECK(meta.find("list")->dumps() == R"([1, "x"])");
  CHECK(meta.find("map")->dumps() == R"({"k": "v"})");
  CHECK(meta.find("real")->dumps() == "0.5");
  CHECK_THROWS_AS(read_yaml("{ a: ["), Error);
  CHECK_THROWS_AS(read_yaml(std::string(200, '[') + std::string(200, ']')), Error);
  CHECK_FALSE(read_yaml("").is_object());
}

TEST_CASE("a run's status is a number or a word", "[import]") {
  CHECK(run_status(read_yaml("status: 3")) == "FINISHED");
  CHECK(run_status(read_yaml("status: 5")) == "KILLED");
  CHECK(run_status(read_yaml("status: FAILED")) == "FAILED");
  CHECK(run_status(read_yaml("other: 1")) == "RUNNING");
  CHECK_FALSE(run_status(read_yaml("status: 6")));
  CHECK_FALSE(run_status(read_yaml("status: done")));
}

TEST_CASE("times are milliseconds or as RFC 3339 writes them", "[import]") {
  CHECK(meta_time(read_yaml("t: 12"), "t") == 12);
  CHECK(meta_time(read_yaml("t: '2023-11-14T22:13:20.500Z'"), "t") == 1'700'000'000'500);
  CHECK_FALSE(meta_time(read_yaml("t: soon"), "t"));
}
