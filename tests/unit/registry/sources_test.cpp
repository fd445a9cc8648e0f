#include "sandbox/registry/sources.h"

#include <filesystem>

#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/registry/aliases.h"
#include "sandbox/registry/model_versions.h"
#include "sandbox/registry/registered_models.h"
#include "sandbox/registry/uris.h"
#include "tests/support/fake_env.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace
using namespace sandbox::registry;  // NOLINT(google-build-using-namespace): a test of this
                                    // namespace

namespace {

// Two runs and two logged models: one of each keeps its artifacts behind the proxy, one on disk.
struct Shelf {
  FakeEnv env;
  TemporaryDirectory directory;
  std::string disk = directory.path.string();
  std::unique_ptr<db::Database> database = open_test_database();
  SourceRules rules;
  RegisteredModels models{env, *database};
  Aliases aliases{*database};

  Shelf() {
    models.create("m", "", {});
    database->write([&](db::Tx& tx) {
      tx.execute(
          "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (9, 'e', "
          "'active')");
      for (const auto& [id, uri] :
           {std::pair<std::string, std::string>{"proxied", "mlflow-artifacts:/9/proxied/artifacts"},
            {"disk", disk + "/run/artifacts"}}) {
        tx.execute("INSERT INTO runs (run_uuid, artifact_uri, experiment_id) VALUES (?, ?, 9)", id,
                   uri);
        tx.execute(
            "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, "
            "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, "
            "source_run_id) VALUES (?, 9, 'n', ?, 1, 1, 1, 'active', 'proxied')",
            "m-" + id, uri);
      }
    });
  }
  ModelVersions versions() { return ModelVersions(env, *database, rules); }
  ModelVersion add(const std::string& source,
                   std::optional<std::string> run_id = std::nullopt,
                   std::optional<std::string> model_id = std::nullopt) {
    return versions().create({.name = "m",
                              .source = source,
                              .run_id = std::move(run_id),
                              .model_id = std::move(model_id)});
  }
  bool takes(const std::string& source,
             std::optional<std::string> run_id = std::nullopt,
             std::optional<std::string> model_id = std::nullopt) {
    try {
      add(source, std::move(run_id), std::move(model_id));
      return true;
    } catch (const Error& error) {
      CHECK(error.code() == Code::invalid_parameter_value);
      return false;
    }
  }
};

}  // namespace

TEST_CASE("remote sources are absolute and without dots", "[registry]") {
  Shelf shelf;
  for (const char* source :
       {"s3://b/x", "s3://b/x/", "s3://b//x", "s3:/b/x", "gs://b/x?y=1#z", "dbfs:/x", "s3://b/x..",
        "s3://b/..x", "s3://b/a+b", "s3://b/é", "wasbs://c@h/x"}) {
    INFO(source);
    CHECK(shelf.takes(source));
  }
  for (const char* source :
       {"s3://b", "s3://b/", "s3:", "s3://b/../x", "s3://b/./x", "s3://b/%2e%2e/x",
        "s3://b/%252e%252e/x", "s3://b/x%00", "s3://[b/x"}) {
    INFO(source);
    CHECK_FALSE(shelf.takes(source));
  }
  CHECK_FALSE(shelf.takes("s3://b/" + std::string(source_bytes_max, 'x')));
}

TEST_CASE("schemes that name a host are refused unless allowed", "[registry]") {
  Shelf shelf;
  CHECK_FALSE(shelf.takes("http://h/x"));
  CHECK_FALSE(shelf.takes("hdfs://h/x"));
  CHECK_FALSE(shelf.takes("abfss://c@h/x"));
  CHECK_FALSE(shelf.takes("mlflow-artifacts://h/x", "proxied"));
  shelf.rules.allowed_host_schemes = {"HTTPS"};
  CHECK(shelf.takes("https://h/x"));
  CHECK_FALSE(shelf.takes("https://h/api/2.0/mlflow-artifacts/artifacts/x"));
}

TEST_CASE("a pattern can narrow the sources", "[registry]") {
  Shelf shelf;
  shelf.rules.pattern = "^s3://ours/";
  CHECK(shelf.takes("s3://ours/x"));
  CHECK_FALSE(shelf.takes("s3://theirs/x"));
}

TEST_CASE("local sources lie inside the artifacts of the named run or logged model", "[registry]") {
  Shelf shelf;
  const std::string root = shelf.disk + "/run/artifacts";
  std::filesystem::create_directories(root);
  std::filesystem::create_symlink("/etc", root + "/link");
  CHECK(shelf.takes(root + "/model", "disk"));
  CHECK(shelf.takes("file://" + root, "disk"));
  CHECK(shelf.takes(root + "/model", std::nullopt, "m-disk"));
  CHECK_FALSE(shelf.takes(root + "/model"));
  CHECK_FALSE(shelf.takes(root + "/model", "proxied"));
  CHECK_FALSE(shelf.takes(root + "/model", "nobody"));
  CHECK_FALSE(shelf.takes(root + "/model", std::nullopt, "m-nobody"));
  CHECK_FALSE(shelf.takes(root + "/../secret", "disk"));
  CHECK_FALSE(shelf.takes(root + "/%2e%2e/secret", "disk"));
  CHECK_FALSE(shelf.takes(root + "X/model", "disk"));
  CHECK_FALSE(shelf.takes(root + "/link/passwd", "disk"));
  CHECK_FALSE(shelf.takes("relative/model", "disk"));
  CHECK_FALSE(shelf.takes("file://elsewhere" + root, "disk"));
}

TEST_CASE("proxied sources lie inside the artifacts of the named run or logged model",
          "[registry]") {
  Shelf shelf;
  const std::string inside = "mlflow-artifacts:/9/proxied/artifacts/model";
  CHECK(shelf.takes(inside, "proxied"));
  CHECK(shelf.takes(inside, std::nullopt, "m-proxied"));
  CHECK_FALSE(shelf.takes(inside));
  CHECK_FALSE(shelf.takes(inside, "disk"));
  CHECK_FALSE(shelf.takes("mlflow-artifacts:/9/proxied/artifactsX", "proxied"));
  CHECK_FALSE(shelf.takes("mlflow-artifacts:/9/proxied", "proxied"));
}

TEST_CASE("runs:/ and models:/ sources name the run or logged model of the request", "[registry]") {
  Shelf shelf;
  CHECK(shelf.takes("runs:/proxied/model", "proxied"));
  CHECK_FALSE(shelf.takes("runs:/proxied/model"));
  CHECK_FALSE(shelf.takes("runs:/proxied/model", "disk"));
  CHECK_FALSE(shelf.takes("runs://proxied/model", "proxied"));
  CHECK_FALSE(shelf.takes("runs:/proxied/model", "proxied", "m-proxied"));
  CHECK_FALSE(shelf.takes("models:/m-proxied"));
  CHECK_FALSE(shelf.takes("models:/m-proxied", std::nullopt, "m-disk"));
  CHECK_FALSE(shelf.takes("models:/", std::nullopt, "m-disk"));
  CHECK_FALSE(shelf.takes("models:/a/b/c"));
}

TEST_CASE("a version made from a logged model knows its run and files", "[registry]") {
  Shelf shelf;
  const ModelVersion version = shelf.add("models:/m-proxied", std::nullopt, "m-proxied");
  CHECK(version.run_id == "proxied");
  CHECK(shelf.versions().download_uri("m", "1") == "mlflow-artifacts:/9/proxied/artifacts");
  shelf.add("s3://b/x", std::nullopt, "m-proxied");
  const std::string tag = shelf.database->read([](db::Tx& tx) {
    db::Rows rows = tx.query(
        "SELECT tag_value FROM logged_model_tags WHERE model_id = 'm-proxied' AND tag_key = "
        "'mlflow.modelVersions'");
    return rows.next() ? rows.text(0) : "";
  });
  CHECK(tag == R"([{"name": "m", "version": 1}, {"name": "m", "version": 2}])");
  CHECK_THROWS_WITH(shelf.add("s3://b/x", "proxied", "m-nobody"),
                    "Logged model with ID 'm-nobody' not found.");
  // The refused request left no version behind.
  CHECK(shelf.add("s3://b/x").version == "3");
}

TEST_CASE("a version copied from another leads to the first one's files", "[registry]") {
  Shelf shelf;
  shelf.models.create("copy", "", {});
  shelf.add("s3://b/original", "proxied");
  shelf.aliases.set("m", "best", "1");
  auto versions = shelf.versions();
  const ModelVersion copied = versions.create({.name = "copy", .source = "models:/m@best"});
  CHECK(copied.source == "models:/m/1");
  CHECK(copied.run_id == "proxied");
  versions.create({.name = "copy", .source = "models:/copy/latest"});
  CHECK(versions.get("copy", "2").source == "models:/copy/1");
  CHECK(versions.download_uri("copy", "2") == "s3://b/original");
  CHECK_THROWS_WITH(versions.create({.name = "copy", .source = "models:/m/1", .run_id = "disk"}),
                    "Invalid model version source: 'models:/m/1'. The run_id and model_id request "
                    "parameters must "
                    "match the referenced model version.");
  CHECK_THROWS_WITH(versions.create({.name = "copy", .source = "models:/m/9"}),
                    "Model Version (name=m, version=9) not found");
  CHECK_THROWS_WITH(versions.create({.name = "copy", .source = "models:/m/Production"}),
                    "No versions of model with name 'm' and stage 'Production' found");
}

TEST_CASE("prompt versions use a placeholder and are no source for others", "[registry]") {
  Shelf shelf;
  const std::vector<Tag> prompt{{std::string(prompt_tag), "TRUE"}};
  shelf.models.create("ask", "", prompt);
  auto versions = shelf.versions();
  CHECK_NOTHROW(versions.create({.name = "ask", .source = "dummy-source", .tags = prompt}));
  CHECK_NOTHROW(versions.create({.name = "ask", .source = "prompt-template", .tags = prompt}));
  CHECK_THROWS_WITH(
      versions.create({.name = "ask", .source = "/etc/passwd", .tags = prompt}),
      "Invalid prompt source: '/etc/passwd'. Prompt sources must use an MLflow placeholder.");
  CHECK_FALSE(shelf.takes("models:/ask/1"));
  CHECK_FALSE(shelf.takes("dummy-source"));
}

TEST_CASE("URIs are taken apart as urllib does", "[registry]") {
  const Uri uri = parse_uri("S3://User@Bucket:80/a%20b?x#y");
  CHECK(uri.scheme == "s3");
  CHECK(host_of(uri) == "bucket");
  CHECK(uri.path == "/a%20b");
  CHECK(parse_uri("1x:/y").scheme.empty());
  CHECK(parse_uri(" \tfile:/x\n").scheme == "file");
  CHECK(is_local("a/b"));
  CHECK(is_local("file://localhost/x"));
  CHECK_FALSE(is_local("s3://b/x"));
  CHECK(fully_decoded("%25252e%", false) == ".%");
  CHECK(parse_model_uri("models:/a/1")->version == "1");
  CHECK(parse_model_uri("models:/a/Staging")->stage == "Staging");
  CHECK(parse_model_uri("models:/a@b@c")->alias == "c");
  CHECK(parse_model_uri("models:/m-1")->model_id == "m-1");
  CHECK_FALSE(parse_model_uri("models:/a@"));
  CHECK_FALSE(parse_model_uri("models:/a/ "));
}
