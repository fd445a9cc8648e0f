#include "sandbox/registry/model_versions.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/registry/aliases.h"
#include "sandbox/registry/registered_models.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace
using namespace sandbox::registry;  // NOLINT(google-build-using-namespace): a test of this
                                    // namespace

namespace {

using Names = std::vector<std::string>;

struct Shelf {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  RegisteredModels models{env, *database};
  ModelVersions versions{env, *database};
  Aliases aliases{*database};

  Shelf() { models.create("m", "", {}); }
  std::string add(const std::string& name = "m", const std::string& source = "s3://bucket/model") {
    return versions.create({.name = name, .source = source}).version;
  }
  Names found(const std::string& filter, const Names& order_by = {}) {
    Names names;
    for (const ModelVersion& one : versions.search(filter, order_by, 100, "").model_versions) {
      names.push_back(one.name + one.version);
    }
    return names;
  }
};

template <class Function>
Code code_of(Function function) {
  try {
    function();
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("no error");
  return Code::internal_error;
}

}  // namespace

TEST_CASE("a new version is answered as the reference answers", "[registry]") {
  Shelf shelf;
  shelf.env.now += 7;
  CHECK(to_json(shelf.versions.create({.name = "m", .source = "s3://bucket/model"})) ==
        R"({"name":"m","version":"1","creation_timestamp":1700000000007,)"
        R"("last_updated_timestamp":1700000000007,"current_stage":"None","description":"",)"
        R"("source":"s3://bucket/model","run_id":"","status":"READY","run_link":""})");
  CHECK(shelf.models.get("m").last_updated_timestamp == 1'700'000'000'007);
  const ModelVersion full = shelf.versions.create({.name = "m",
                                                   .source = "s3://bucket/model",
                                                   .run_id = "r",
                                                   .run_link = "http://l",
                                                   .description = "d",
                                                   .tags = {{"z", "1"}, {"a", "2"}}});
  CHECK(full.version == "2");
  CHECK(full.run_id == "r");
  CHECK(full.tags.size() == 2);
  CHECK(code_of([&] { shelf.add("none"); }) == Code::resource_does_not_exist);
  CHECK_THROWS_WITH(
      shelf.versions.create({.name = "m",
                             .source = "s3://bucket/model",
                             .tags = {{"mlflow.prompt.text", std::string(100'001, 'x')}}}),
      "Prompt text exceeds max length of 100000 characters.");
}

TEST_CASE("a version number is never used twice", "[registry]") {
  Shelf shelf;
  shelf.add();
  shelf.add();
  shelf.versions.remove("m", "2");
  CHECK(shelf.add() == "3");
  CHECK(code_of([&] { shelf.versions.get("m", "2"); }) == Code::resource_does_not_exist);
  CHECK(code_of([&] { shelf.versions.remove("m", "2"); }) == Code::resource_does_not_exist);
  CHECK(code_of([&] {
          shelf.versions.set_tag("m", "2", {"k", "v"});
        }) == Code::resource_does_not_exist);
}

TEST_CASE("a version is a number", "[registry]") {
  Shelf shelf;
  shelf.add();
  CHECK(shelf.versions.get("m", " 1 ").version == "1");
  CHECK_THROWS_WITH(shelf.versions.get("m", "1.0"),
                    "Parameter 'version' must be an integer, got '1.0'.");
  CHECK_THROWS_WITH(shelf.versions.get("m", "9"), "Model Version (name=m, version=9) not found");
  CHECK(code_of([&] { shelf.versions.get("m", "99999999999999999999"); }) ==
        Code::resource_does_not_exist);
}

TEST_CASE("descriptions are set, emptied and removed", "[registry]") {
  Shelf shelf;
  shelf.add();
  CHECK(shelf.versions.describe("m", "1", "text").description == "text");
  CHECK(shelf.versions.describe("m", "1", "").description == "");
  CHECK_FALSE(shelf.versions.describe("m", "1", std::nullopt).description);
}

TEST_CASE("stages", "[registry]") {
  Shelf shelf;
  shelf.add();
  shelf.add();
  CHECK(shelf.versions.move_to_stage("m", "1", "sTaGiNg", false).current_stage == "Staging");
  CHECK(shelf.versions.move_to_stage("m", "2", "Staging", true).current_stage == "Staging");
  CHECK(shelf.versions.get("m", "1").current_stage == "Archived");
  CHECK_THROWS_WITH(shelf.versions.move_to_stage("m", "1", "Live", false),
                    "Invalid Model Version stage: Live. Value must be one of None, Staging, "
                    "Production, Archived.");
  CHECK(code_of([&] { shelf.versions.move_to_stage("m", "1", "None", true); }) ==
        Code::invalid_parameter_value);
  CHECK(code_of([&] { shelf.versions.move_to_stage("m", "1", "Deleted_Internal", false); }) ==
        Code::invalid_parameter_value);
}

TEST_CASE("aliases", "[registry]") {
  Shelf shelf;
  shelf.add();
  shelf.add();
  shelf.aliases.set("m", "best", "1");
  shelf.aliases.set("m", "best", "2");
  shelf.aliases.set("m", "Also-2_x", "2");
  CHECK(shelf.versions.get("m", "2").aliases == Names{"Also-2_x", "best"});
  CHECK(shelf.aliases.get("m", "best").version == "2");
  CHECK(shelf.aliases.get("m", "LATEST").version == "2");

  SECTION("deleting a version deletes its aliases") {
    shelf.versions.remove("m", "2");
    CHECK(shelf.models.get("m").aliases.empty());
    CHECK(shelf.aliases.get("m", "latest").version == "1");
  }
  SECTION("an absent alias is no 404, an absent model is") {
    CHECK(code_of([&] { shelf.aliases.get("m", "none"); }) == Code::invalid_parameter_value);
    CHECK(code_of([&] { shelf.aliases.get("x", "none"); }) == Code::resource_does_not_exist);
    CHECK_NOTHROW(shelf.aliases.remove("m", "none"));
    CHECK(code_of([&] { shelf.aliases.remove("x", "none"); }) == Code::resource_does_not_exist);
  }
  SECTION("names that cannot be aliases") {
    const std::string longest(255, 'x');
    for (const std::string& alias :
         {std::string("latest"), std::string("Latest"), std::string("v1"), std::string("V12"),
          std::string("a b"), std::string("a.b"), std::string(), longest + "x"}) {
      INFO(alias);
      CHECK(code_of([&] { shelf.aliases.set("m", alias, "1"); }) == Code::invalid_parameter_value);
    }
    CHECK_NOTHROW(shelf.aliases.set("m", longest, "1"));
    CHECK_NOTHROW(shelf.aliases.set("m", "v1x", "1"));
    CHECK_NOTHROW(shelf.aliases.set("m", "größte", "1"));
    CHECK(code_of([&] { shelf.aliases.set("m", "q", "9"); }) == Code::resource_does_not_exist);
  }
}

TEST_CASE("searching model versions", "[registry]") {
  Shelf shelf;
  shelf.models.create("n", "", {});
  for (int i = 1; i <= 3; ++i) {
    const std::string number = std::to_string(i);
    ++shelf.env.now;
    shelf.versions.create({.name = "m",
                           .source = "s3://bucket/M/" + number,
                           .run_id = i == 1 ? "" : "run-a",
                           .tags = {{"odd", i % 2 == 1 ? "yes" : "no"}}});
    ++shelf.env.now;
    shelf.versions.create({.name = "n", .source = "s3://bucket/n", .run_id = "run-b"});
  }
  shelf.versions.remove("n", "1");

  SECTION("filters") {
    CHECK(shelf.found("") == Names{"n3", "m3", "n2", "m2", "m1"});
    CHECK(shelf.found("name = 'm' AND version_number > 1") == Names{"m3", "m2"});
    CHECK(shelf.found("version_number = '2'") == Names{"n2", "m2"});
    CHECK(shelf.found("run_id IN ('run-a', 'x')") == Names{"m3", "m2"});
    CHECK(shelf.found("run_id NOT IN ('run-a', 'run-b')") == Names{"m1"});
    CHECK(shelf.found("source_path LIKE '%/M/%' AND tags.odd = 'yes'") == Names{"m3", "m1"});
    CHECK(shelf.found("source_path ILIKE '%/N'") == Names{"n3", "n2"});
    CHECK(shelf.found("tags.odd != 'yes'") == Names{"m2"});
  }
  SECTION("orders") {
    CHECK(shelf.found("name = 'm'", {"version_number"}) == Names{"m1", "m2", "m3"});
    CHECK(shelf.found("", {"name DESC"}) == Names{"n3", "n2", "m3", "m2", "m1"});
    CHECK(shelf.found("", {"creation_timestamp ASC"}) == Names{"m1", "m2", "n2", "m3", "n3"});
    CHECK(code_of([&] { shelf.found("", {"run_id"}); }) == Code::invalid_parameter_value);
    CHECK(code_of([&] { shelf.found("", {"name", "name"}); }) == Code::invalid_parameter_value);
  }
  SECTION("pages") {
    const ModelVersionPage first = shelf.versions.search("", {}, 4, "");
    REQUIRE(first.next_page_token);
    const ModelVersionPage last = shelf.versions.search("", {}, 4, *first.next_page_token);
    CHECK(last.model_versions.size() == 1);
    CHECK_FALSE(last.next_page_token);
    CHECK(code_of([&] { shelf.versions.search("", {}, 0, ""); }) == Code::invalid_parameter_value);
    CHECK(code_of([&] { shelf.versions.search("", {}, 200'001, ""); }) ==
          Code::invalid_parameter_value);
  }
  SECTION("what cannot be searched") {
    for (const char* filter :
         {"version_number >= 1.5", "version_number = 'x'", "version_number LIKE '1'",
          "source_path IN ('a')", "source_path = 1", "run_id > 'a'", "current_stage = 'None'",
          "tags.odd IN ('yes')", "tags.odd = 1", "metrics.x > 1", "name IN ()", "name IN (1)",
          "name = m", "tags.odd = yes", "version_number = x", "version_number IS NULL",
          "name = ('m')"}) {
      INFO(filter);
      CHECK(code_of([&] { shelf.found(filter); }) == Code::invalid_parameter_value);
    }
  }
}

TEST_CASE("versions of prompts are found only on request", "[registry]") {
  Shelf shelf;
  const std::vector<Tag> prompt{{std::string(prompt_tag), "true"}};
  shelf.models.create("ask", "", prompt);
  shelf.versions.create({.name = "ask", .source = "dummy-source", .tags = prompt});
  shelf.add();
  CHECK(shelf.found("") == Names{"m1"});
  CHECK(shelf.found("name = 'ask'").empty());
  CHECK(shelf.found("tags.`mlflow.prompt.is_prompt` = 'true'") == Names{"ask1"});
}
