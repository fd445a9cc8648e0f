// What a lab's settings become by a migration, and which are refused before anything is done.
#include "sandbox/migrate/order.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;           // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::migrate;  // NOLINT(google-build-using-namespace): namespace

namespace {

Config lab(const std::string& data_dir = "/lab") {
  Config config;
  config.data_dir = data_dir;
  config.backend_store_uri = "sqlite:////lab/mlflow.db";
  config.default_artifact_root = "s3://mlflow/root";
  return config;
}

Order to_cluster() {
  Order order;
  order.to_db = "postgresql://user:secret@db/mlflow";
  order.to_s3 = "s3://cluster/lab";
  order.endpoint = "https://s3.example.org";
  order.region = "eu-west-1";
  order.access_key = "key";
  order.secret_key = "secret";
  return order;
}

}  // namespace

TEST_CASE("a lab's settings name the new place; keys only where they were typed", "[migrate]") {
  Order order = to_cluster();
  Settings settings = settings_after(order, lab());
  CHECK(settings.at("backend-store-uri") == order.to_db);
  CHECK(settings.at("artifacts-destination") == "s3://cluster/lab");
  CHECK(settings.at("artifacts-endpoint") == order.endpoint);
  CHECK(settings.at("default-artifact-root") == "s3://cluster/lab/root");
  CHECK(settings.at("artifacts-secret-key").empty());
  order.keep_keys = true;
  CHECK(settings_after(order, lab()).at("artifacts-secret-key") == "secret");
}

TEST_CASE("back in the built-in store nothing of the other one is left", "[migrate]") {
  const Config there = config_after(to_cluster(), lab());
  CHECK(there.default_artifact_root == "s3://cluster/lab/root");
  Order back;
  back.to_db = "sqlite:////lab/back.db";
  back.to_s3 = "s3://mlflow";
  const Config here = config_after(back, there);
  CHECK(here.default_artifact_root == "s3://mlflow/root");
  CHECK(here.artifacts_endpoint.empty());
  CHECK(here.artifacts_secret_key.empty());
  const Settings settings = settings_after(back, there);
  for (const char* name :
       {"artifacts-endpoint", "artifacts-region", "artifacts-access-key", "artifacts-secret-key"}) {
    CHECK(settings.at(name).empty());
  }
}

TEST_CASE("where the lab is already is no place to move to", "[migrate]") {
  Order order = to_cluster();
  order.to_db = lab().backend_store_uri;
  CHECK_THROWS_AS(config_after(order, lab()), Error);
  order = to_cluster();
  order.endpoint.clear();
  CHECK_THROWS_WITH(config_after(order, lab()), Catch::Contains("relocate"));
  order.to_s3 = "cluster/lab";
  CHECK_THROWS_WITH(config_after(order, lab()), Catch::Contains("s3://bucket"));
}

TEST_CASE("an unfinished migration is known again, to the same place only, without secrets",
          "[migrate]") {
  const TemporaryDirectory place;
  const Config from = lab(place.path.string());
  const Mark mark(to_cluster(), from);
  CHECK_FALSE(mark.is_there());
  mark.write();
  CHECK(mark.is_there());
  Order elsewhere = to_cluster();
  elsewhere.to_s3 = "s3://cluster/other";
  CHECK_FALSE(Mark(elsewhere, from).is_there());
  Order other_password = to_cluster();
  other_password.to_db = "postgresql://user:changed@db/mlflow";
  CHECK(Mark(other_password, from).is_there());
  mark.remove();
  CHECK_FALSE(mark.is_there());
}
