#include "sandbox/auth/rules.h"

#include <catch2/catch.hpp>

#include "embedded_store/object_store.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/mlflow_server.h"
#include "tests/support/temporary_directory.h"

namespace sandbox::auth {
namespace {

struct Endpoint {
  std::string method, path;
  static constexpr auto fields() {
    return std::tuple{field("method", &Endpoint::method), field("path", &Endpoint::path)};
  }
};

struct Table {
  std::vector<Endpoint> endpoints;
  static constexpr auto fields() { return std::tuple{field("endpoints", &Table::endpoints)}; }
};

TEST_CASE("every endpoint of the server has its row in the table of rules", "[auth]") {
  SystemEnv env;
  const TemporaryDirectory place;
  const auto objects = store::open_object_store(env, (place.path / "objects").string());
  const auto database = db::open_database("sqlite://");
  const auto users = db::open_auth_database("");
  Gate gate(env, *database, *users, {});
  MlflowServerOptions options;
  options.gate = &gate;
  const MlflowServer server(env, *database, *objects, options);
  const auto table = from_json<Table>(server.endpoints_json());
  REQUIRE(table.endpoints.size() > 100);
  std::string missing;
  for (const Endpoint& endpoint : table.endpoints) {
    if (find_rule(endpoint.method, "/api/" + endpoint.path) == nullptr) {
      missing += endpoint.method + " " + endpoint.path + "\n";
    }
  }
  INFO(missing);
  CHECK(missing.empty());
}

TEST_CASE("a rule is found by the shape of a path, whatever its variables are called", "[auth]") {
  const Rule* const one = find_rule("GET", "/api/3.0/mlflow/traces/{trace_id}");
  REQUIRE(one != nullptr);
  CHECK(one == find_rule("GET", "/ajax-api/3.0/mlflow/traces/{id}"));
  CHECK(one->check == check::trace);
  CHECK(find_rule("GET", "/api/3.0/mlflow/traces/search") == nullptr);
  CHECK(find_rule("POST", "/api/3.0/mlflow/traces/search")->check == check::traces_of_locations);
  CHECK(find_rule("DELETE", "/api/2.0/mlflow/webhooks/{id}")->check == check::nobody);
  CHECK(find_rule("GET", "/api/2.0/mlflow/nothing") == nullptr);
  CHECK(find_rule("GET", "/health")->check == nullptr);
  CHECK(find_rule("GET", "/api//health") == nullptr);
}

}  // namespace
}  // namespace sandbox::auth
