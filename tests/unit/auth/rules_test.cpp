#include "sandbox/auth/rules.h"

#include <catch2/catch.hpp>

#include "embedded_store/object_store.h"
#include "sandbox/base/fernet.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/mlflow_server.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_database.h"

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
  const auto database = open_test_database();
  const auto users = db::open_auth_database("");
  Gate gate(env, *database, *users, {});
  MlflowServerOptions options;
  options.gate = &gate;
  options.webhooks.key = new_fernet_key(env);
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

class Text final : public http::BodyReader {
 public:
  explicit Text(std::string text) : text_(std::move(text)) {}
  std::size_t read(char* out, std::size_t max) override {
    const std::size_t count = text_.copy(out, max);
    text_.erase(0, count);
    return count;
  }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return text_.size(); }

 private:
  std::string text_;
};

// Ann may read experiment 7 and model "open", and nothing else.
struct Asking {
  SystemEnv env;
  std::unique_ptr<db::Database> tracking = open_test_database();
  std::unique_ptr<db::Database> users = db::open_auth_database("");
  Accounts accounts{env, *users};
  Callers callers{env, accounts, Permission::no_permissions};
  World world{accounts, callers, Resources(*tracking), {}};
  Caller ann{{},
             Grants({{0, 0, "experiment", "7", "READ"}, {0, 0, "registered_model", "open", "READ"}},
                    Permission::no_permissions)};

  Asking() {
    tracking->write([](db::Tx& tx) {
      tx.script(
          "INSERT INTO experiments (experiment_id, name) VALUES (7, 'mine'), (8, 'theirs');"
          "INSERT INTO runs (run_uuid, experiment_id) VALUES ('r7', 7), ('r8', 8);"
          "INSERT INTO registered_models (name) VALUES ('open'), ('hidden')");
    });
  }

  auto ask(const std::string& query, const std::string& variables, const auto& what) {
    std::string body;
    JsonWriter(body).value(query);
    Text text("{\"query\": " + body + ", \"variables\": " + variables + "}");
    http::Request request;
    request.method = "POST";
    request.body = &text;
    Question question(world, request, ann);
    return what(question);
  }

  bool may_ask(const std::string& query, const std::string& variables) {
    return ask(query, variables,
               [](Question& question) { return check::graphql(question, Action::read); });
  }

  std::string refusal(const std::string& query) {
    return ask(query, "{}", [](Question& question) {
      const auto answer = graphql_refusal(question);
      return answer ? answer->body : "denied";
    });
  }
};

TEST_CASE("GraphQL answers about what its variables name, if all of that may be read", "[auth]") {
  Asking asking;
  const std::string get_run =
      "query GetRun($data: Input!) { mlflowGetRun(input: $data) { run { modelVersions { name } } } "
      "}";
  CHECK(asking.may_ask(get_run, R"({"data": {"runId": "r7"}})"));
  CHECK_FALSE(asking.may_ask(get_run, R"({"data": {"runId": "r8"}})"));
  CHECK_FALSE(asking.may_ask(get_run, R"({"data": {"runId": "none"}})"));
  CHECK_FALSE(asking.may_ask(get_run, R"({"a": {"runId": "r7"}, "b": {"runIds": ["r8"]}})"));
  CHECK_FALSE(asking.may_ask(get_run, R"({})"));
  CHECK(asking.may_ask("query S($d: I) { mlflowSearchRuns(input: $d) { runs { info { runId } } } }",
                       R"({"d": {"experimentIds": ["7"]}})"));
  CHECK_FALSE(asking.may_ask(get_run, R"({"d": {"experimentIds": ["7", "8"]}})"));
}

TEST_CASE("GraphQL that names things past its variables is refused", "[auth]") {
  Asking asking;
  const std::string fine = R"({"data": {"runId": "r7"}})";
  for (const char* query :
       {R"({ mlflowGetRun(input: {runId: "r8"}) { run { info { runId } } } })",
        "{ mlflowGetExperiment(input: {experimentId: 8}) { experiment { name } } }",
        "{ mlflowSearchRuns(input: {experimentIds: [8]}) { runs { info { runId } } } }",
        "query($data: I) { mlflowGetRun(input: $data) { run { other: modelVersions { name } } } }",
        "query($data: I) { mlflowGetRun(input: $data) { run { o:,modelVersions { name } } } }",
        "query($data: I) { a # comment\n }"}) {
    INFO(query);
    CHECK_FALSE(asking.may_ask(query, fine));
  }
}

TEST_CASE("a page that asks for one thing hears null where it may not be read", "[auth]") {
  Asking asking;
  CHECK(asking.refusal("query mlflow1($d: I) { mlflowGetRun(input: $d) { run { x } } }") ==
        "denied");
  CHECK(asking.refusal("query GetRun($mlflow: I) { mlflowGetRun(input: $mlflow) { run { x } } }") ==
        R"({"data":{"mlflowGetRun":null},"errors":null})");
  CHECK(asking.refusal("query { run: mlflowGetRun(input: $d) { run { x } } }") == "denied");
  CHECK(asking.refusal("query { mlflowGetRun mlflowGetExperiment }") == "denied");
  CHECK(asking.refusal("query { mlflowGetRun(input: {runId: \"r8\"}) { run { x } } }") == "denied");
}

TEST_CASE("model versions in a GraphQL answer are those that may be read", "[auth]") {
  Asking asking;
  http::Request request;
  Question question(asking.world, request, asking.ann);
  auto response = http::Response::json(
      200,
      R"({"data":{"run":{"modelVersions":[{"name":"hidden"},{"name":"open"},{"version":"1"}]}}})");
  after::filter_graphql(question, {}, response);
  CHECK(response.body == R"({"data":{"run":{"modelVersions":[{"name":"open"}]}}})");
}

}  // namespace
}  // namespace sandbox::auth
