// Pages of searches: longer than one batch of what belongs to their rows.
#include <algorithm>

#include <catch2/catch.hpp>

#include "sandbox/base/fields_json.h"
#include "sandbox/registry/aliases.h"
#include "sandbox/registry/registered_models.h"
#include "tests/support/fake_env.h"
#include "tests/support/test_database.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace
using namespace sandbox::registry;  // NOLINT(google-build-using-namespace): a test of this
                                    // namespace

namespace {

constexpr int models_count = 150;
constexpr int versions_count = 130;

struct Shelf {
  FakeEnv env;
  std::unique_ptr<db::Database> database = open_test_database();
  RegisteredModels models{env, *database};
  ModelVersions versions{env, *database};
  Aliases aliases{*database};

  void add_version(const std::string& name, const std::string& tag) {
    ++env.now;
    versions.create(
        {.name = name, .source = "s3://bucket/model", .tags = {{"a", tag}, {"b", tag + tag}}});
  }
};

std::string name_of(int number) {
  const std::string digits = std::to_string(number);
  return "model-" + std::string(4 - digits.size(), '0') + digits;
}

template <class Item>
void sort_tags(Item& item) {
  std::sort(item.tags.begin(), item.tags.end(),
            [](const Tag& left, const Tag& right) { return left.key < right.key; });
}

std::string json_of(RegisteredModel model) {
  sort_tags(model);
  for (ModelVersion& version : model.latest_versions) sort_tags(version);
  return to_json(model);
}

}  // namespace

TEST_CASE("a page of models shows each as it is alone", "[registry]") {
  Shelf shelf;
  for (int i = 0; i < models_count; ++i) {
    const std::string name = name_of(i);
    shelf.models.create(name, "", {{"k", name}, {"l", "1"}});
    for (int version = 0; version < i % 4; ++version) shelf.add_version(name, name);
    if (i % 4 == 3) {
      shelf.versions.move_to_stage(name, "1", "Production", false);
      shelf.versions.move_to_stage(name, "3", "Staging", false);
      shelf.aliases.set(name, "z", "2");
      shelf.aliases.set(name, "y", "1");
    }
  }
  const RegisteredModelPage page = shelf.models.search("", {}, 1000, "");
  REQUIRE(page.registered_models.size() == models_count);
  for (const RegisteredModel& model : page.registered_models) {
    CHECK(json_of(model) == json_of(shelf.models.get(model.name)));
  }
  CHECK(page.registered_models[3].latest_versions.size() == 3);
}

TEST_CASE("a page of versions shows the tags of each", "[registry]") {
  Shelf shelf;
  shelf.models.create("m", "", {});
  for (int i = 1; i <= versions_count; ++i) shelf.add_version("m", std::to_string(i));
  const ModelVersionPage page = shelf.versions.search("name = 'm'", {}, 1000, "");
  REQUIRE(page.model_versions.size() == versions_count);
  for (ModelVersion version : page.model_versions) {
    sort_tags(version);
    REQUIRE(version.tags.size() == 2);
    CHECK(version.tags[0].value == version.version);
    CHECK(version.tags[1].value == version.version + version.version);
  }
  CHECK(page.model_versions.front().version == std::to_string(versions_count));
}

TEST_CASE("the versions of a few runs come in the usual order", "[registry]") {
  Shelf shelf;
  shelf.models.create("m", "", {});
  shelf.add_version("m", "1");
  CHECK(shelf.versions.search("run_id IN ('a', 'b')", {}, 10, "").model_versions.empty());
  CHECK(shelf.versions.search("run_id IN ('', 'b')", {}, 10, "").model_versions.size() == 1);
}

TEST_CASE("searches of many versions use their indexes", "[registry][sqlite]") {
  Shelf shelf;
  const auto plan = [&](const std::string& condition, const std::string& order) {
    std::string out;
    shelf.database->read([&](db::Tx& tx) {
      db::Rows rows = tx.query(
          "EXPLAIN QUERY PLAN SELECT v.source FROM model_versions v WHERE "
          "v.workspace = 'default'" +
          condition + " ORDER BY " + order + " LIMIT 10");
      while (rows.next()) out += rows.text(3) + "\n";
    });
    return out;
  };
  const std::string usual = "v.last_updated_time DESC, v.name ASC, v.version DESC";
  for (const char* condition : {"", " AND v.name = 'm'", " AND v.run_id = 'r'"}) {
    CAPTURE(condition);
    const std::string got = plan(condition, usual);
    CHECK(got.find("USING INDEX sandbox_model_versions_by_") != std::string::npos);
    CHECK(got.find("TEMP B-TREE") == std::string::npos);
  }
  CHECK(plan(" AND v.run_id IN ('r', 's')", "+" + usual).find("by_run_update") !=
        std::string::npos);
}

TEST_CASE("the registry tells of changes once they are made", "[registry]") {
  FakeEnv env;
  auto database = open_test_database();
  std::vector<std::string> told;
  const Announce announce = [&](const Event& event) {
    told.push_back(std::string(event.entity) + "." + std::string(event.action) + " " +
                   event.payload);
  };
  RegisteredModels models(env, *database, announce);
  ModelVersions versions(env, *database, {}, announce);
  Aliases aliases(*database, announce);
  const auto last = [&] { return told.empty() ? "" : told.back(); };

  models.create("m", "d", {{"a", "1"}, {"a", "2"}});
  CHECK(last() == R"(registered_model.created {"name":"m","tags":{"a":"2"},"description":"d"})");
  CHECK_THROWS(models.create("m", "", {}));
  CHECK_THROWS(aliases.set("m", "x", "1"));
  CHECK_THROWS(versions.set_tag("m", "1", {"k", "v"}));
  models.set_tag("m", {"k", "v"});
  models.delete_tag("m", "k");
  CHECK(told.size() == 1);
  versions.create({.name = "m", .source = "s3://b/m"});
  CHECK(last() ==
        R"(model_version.created {"name":"m","version":"1","source":"s3://b/m","run_id":null,)"
        R"("tags":{},"description":null})");
  versions.delete_tag("m", "1", "none");
  CHECK(last() == R"(model_version_tag.deleted {"name":"m","version":"1","key":"none"})");

  const Tag mark{std::string(prompt_tag), "True"};
  models.create("p", "", {mark, {"_mlflow_prompt_type", "text"}, {"k", "v"}});
  CHECK(last() == R"(prompt.created {"name":"p","tags":{"k":"v"},"description":""})");
  versions.create({.name = "p", .source = "dummy-source", .description = "d", .tags = {mark}});
  CHECK(last() == R"(prompt_version.created {"name":"p","version":"1","template":null,"tags":{},)"
                  R"("description":"d"})");
  aliases.set("p", "best", "1");
  CHECK(last() == R"(prompt_alias.created {"name":"p","alias":"best","version":"1"})");
  aliases.remove("p", "best");
  CHECK(last() == R"(prompt_alias.deleted {"name":"p","alias":"best"})");
  versions.set_tag("p", "1", {"k", "v"});
  CHECK(last() == R"(prompt_version_tag.set {"name":"p","version":"1","key":"k","value":"v"})");
  models.set_tag("p", {"k", "v"});
  CHECK(last() == R"(prompt_tag.set {"name":"p","key":"k","value":"v"})");
  models.delete_tag("p", "k");
  CHECK(last() == R"(prompt_tag.deleted {"name":"p","key":"k"})");
}
