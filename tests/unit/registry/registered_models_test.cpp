#include "sandbox/registry/registered_models.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/registry/aliases.h"
#include "sandbox/registry/names.h"
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

  std::string version(const std::string& name) {
    return versions.create({.name = name, .source = "s3://bucket/model"}).version;
  }
  Names found(const std::string& filter, const Names& order_by = {}) {
    Names names;
    for (const RegisteredModel& model :
         models.search(filter, order_by, 100, "").registered_models) {
      names.push_back(model.name);
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

TEST_CASE("a new registered model is answered as the reference answers", "[registry]") {
  Shelf shelf;
  CHECK(to_json(shelf.models.create("plain", "", {})) ==
        R"({"name":"plain","creation_timestamp":1700000000000,)"
        R"("last_updated_timestamp":1700000000000})");
  // The last of equal keys counts.
  CHECK(to_json(shelf.models.create("full", "d", {{"b", "1"}, {"a", "2"}, {"b", "3"}})) ==
        R"({"name":"full","creation_timestamp":1700000000000,)"
        R"("last_updated_timestamp":1700000000000,"description":"d",)"
        R"("tags":[{"key":"b","value":"3"},{"key":"a","value":"2"}]})");
}

TEST_CASE("names that could be paths are refused", "[registry]") {
  Shelf shelf;
  for (const char* name : {"", "  ", "a/b", "a:b", ".", ".."}) {
    CHECK(code_of([&] { shelf.models.create(name, "", {}); }) == Code::invalid_parameter_value);
  }
  CHECK_NOTHROW(shelf.models.create(" ünï ' ", "", {}));
}

TEST_CASE("a taken name says what has it", "[registry]") {
  Shelf shelf;
  const std::vector<Tag> prompt{{std::string(prompt_tag), "true"}};
  shelf.models.create("model", "", {});
  shelf.models.create("prompt", "", prompt);
  CHECK_THROWS_WITH(shelf.models.create("model", "", {}),
                    "Registered Model (name=model) already exists.");
  CHECK_THROWS_WITH(shelf.models.create("prompt", "", prompt),
                    "Prompt (name=prompt) already exists.");
  CHECK_THROWS_WITH(shelf.models.create("prompt", "", {}),
                    Catch::StartsWith("Tried to create a registered model with name 'prompt', but "
                                      "the name is already taken by a prompt."));
  CHECK(code_of([&] { shelf.models.create("model", "", prompt); }) ==
        Code::resource_already_exists);
}

TEST_CASE("renaming takes versions, tags and aliases along", "[registry]") {
  Shelf shelf;
  shelf.models.create("old", "", {{"k", "v"}});
  shelf.models.create("other", "", {});
  shelf.version("old");
  shelf.versions.set_tag("old", "1", {"t", "u"});
  shelf.aliases.set("old", "best", "1");
  shelf.env.now += 5;
  const RegisteredModel model = shelf.models.rename("old", "new");
  CHECK(model.last_updated_timestamp == 1'700'000'000'005);
  CHECK(model.tags.size() == 1);
  CHECK(model.aliases.size() == 1);
  const ModelVersion version = shelf.aliases.get("new", "best");
  CHECK(version.name == "new");
  CHECK(version.tags.size() == 1);
  CHECK(version.last_updated_timestamp == 1'700'000'000'005);
  CHECK(code_of([&] { shelf.models.get("old"); }) == Code::resource_does_not_exist);
  CHECK(code_of([&] { shelf.models.rename("new", "other"); }) == Code::resource_already_exists);
  CHECK_NOTHROW(shelf.models.rename("new", "new"));
}

TEST_CASE("deleting a model leaves nothing of it", "[registry]") {
  Shelf shelf;
  shelf.models.create("m", "", {{"k", "v"}});
  shelf.version("m");
  shelf.versions.set_tag("m", "1", {"t", "u"});
  shelf.aliases.set("m", "best", "1");
  shelf.models.remove("m");
  CHECK(code_of([&] { shelf.models.remove("m"); }) == Code::resource_does_not_exist);
  const RegisteredModel again = shelf.models.create("m", "", {});
  CHECK(again.tags.empty());
  CHECK(again.aliases.empty());
  CHECK(shelf.version("m") == "1");
}

TEST_CASE("latest versions are the highest of each stage", "[registry]") {
  Shelf shelf;
  shelf.models.create("m", "", {});
  for (int i = 0; i < 4; ++i) shelf.version("m");
  shelf.versions.move_to_stage("m", "2", "staging", false);
  shelf.versions.move_to_stage("m", "3", "Staging", false);
  shelf.versions.remove("m", "4");
  const auto latest = shelf.models.latest_versions("m", {});
  REQUIRE(latest.size() == 2);
  CHECK(latest[0].version == "1");
  CHECK(latest[1].version == "3");
  CHECK(shelf.models.latest_versions("m", {"STAGING"}).size() == 1);
  CHECK(shelf.models.latest_versions("m", {"Production"}).empty());
  CHECK(code_of([&] { shelf.models.latest_versions("m", {"Live"}); }) ==
        Code::invalid_parameter_value);
  CHECK(shelf.models.get("m").latest_versions.size() == 2);
}

TEST_CASE("searching registered models", "[registry]") {
  Shelf shelf;
  shelf.models.create("Beta", "", {{"team", "red"}});
  ++shelf.env.now;
  shelf.models.create("alpha", "", {{"team", "Red"}, {"x", "1"}});
  ++shelf.env.now;
  shelf.models.create("gamma", "", {});
  ++shelf.env.now;
  shelf.models.create("ask", "", {{"mlflow.prompt.is_prompt", "true"}, {"team", "red"}});

  SECTION("filters") {
    CHECK(shelf.found("") == Names{"Beta", "alpha", "gamma"});
    CHECK(shelf.found("name LIKE '%a'") == Names{"Beta", "alpha", "gamma"});
    CHECK(shelf.found("name LIKE 'B%'") == Names{"Beta"});
    CHECK(shelf.found("name ILIKE 'b%'") == Names{"Beta"});
    CHECK(shelf.found("name IN ('alpha', 'Beta') AND name != 'Beta'") == Names{"alpha"});
    CHECK(shelf.found("attribute.name NOT IN ('alpha')") == Names{"Beta", "gamma"});
    CHECK(shelf.found("tags.team = 'red'") == Names{"Beta"});
    CHECK(shelf.found("tag.team ILIKE 'RED' AND tags.x = '1'") == Names{"alpha"});
    CHECK(shelf.found("tags.team != 'red'") == Names{"alpha"});
  }
  SECTION("prompts are found only on request") {
    CHECK(shelf.found("tags.`mlflow.prompt.is_prompt` = 'true'") == Names{"ask"});
    CHECK(shelf.found("tags.`mlflow.prompt.is_prompt` != 'false'") == Names{"ask"});
    CHECK(shelf.found("tags.`mlflow.prompt.is_prompt` = 'false'") ==
          Names{"Beta", "alpha", "gamma"});
    CHECK(shelf.found("tags.`mlflow.prompt.is_prompt` = 'true' AND tags.team = 'blue'").empty());
  }
  SECTION("orders") {
    CHECK(shelf.found("", {"name DESC"}) == Names{"gamma", "alpha", "Beta"});
    CHECK(shelf.found("", {"timestamp DESC"}) == Names{"gamma", "alpha", "Beta"});
    CHECK(shelf.found("", {"last_updated_timestamp"}) == Names{"Beta", "alpha", "gamma"});
    CHECK_THROWS_WITH(shelf.found("", {"timestamp", "last_updated_timestamp"}),
                      "`order_by` contains duplicate fields: ['timestamp', "
                      "'last_updated_timestamp']");
    CHECK(code_of([&] { shelf.found("", {"creation_timestamp"}); }) ==
          Code::invalid_parameter_value);
  }
  SECTION("pages") {
    const RegisteredModelPage first = shelf.models.search("", {}, 2, "");
    REQUIRE(first.next_page_token);
    const RegisteredModelPage last = shelf.models.search("", {}, 2, *first.next_page_token);
    REQUIRE(last.registered_models.size() == 1);
    CHECK(last.registered_models[0].name == "gamma");
    CHECK_FALSE(last.next_page_token);
    CHECK_FALSE(shelf.models.search("", {}, 3, "").next_page_token);
    CHECK(code_of([&] { shelf.models.search("", {}, 1001, ""); }) == Code::invalid_parameter_value);
  }
  SECTION("what cannot be searched") {
    for (const char* filter :
         {"name > 'a'", "name = 1", "foo = 'x'", "params.x = 'y'", "tags.team IN ('red')",
          "tags.team = 1", "tags.team > 'a'", "name IS NULL", "name = 'a' OR name = 'b'",
          "name IN (1)", "name IN ()", "name = m"}) {
      INFO(filter);
      CHECK(code_of([&] { shelf.found(filter); }) == Code::invalid_parameter_value);
    }
  }
}

TEST_CASE("tags of a registered model", "[registry]") {
  Shelf shelf;
  shelf.models.create("m", "", {});
  shelf.models.set_tag("m", {"k", "1"});
  shelf.models.set_tag("m", {"k", "2"});
  CHECK(shelf.models.get("m").tags.at(0).value == "2");
  shelf.models.delete_tag("m", "k");
  CHECK_NOTHROW(shelf.models.delete_tag("m", "k"));
  CHECK(shelf.models.get("m").tags.empty());
  CHECK(code_of([&] {
          shelf.models.set_tag("none", {"k", "v"});
        }) == Code::resource_does_not_exist);
  CHECK(code_of([&] { shelf.models.set_tag("m", {"..", "v"}); }) == Code::invalid_parameter_value);
  CHECK_THROWS_WITH(shelf.models.set_tag("m", {"k", std::string(100'001, 'x')}),
                    "'value' exceeds the maximum length of 100000 characters");
}
