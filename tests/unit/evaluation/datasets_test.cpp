#include "sandbox/evaluation/datasets.h"

#include "sandbox/base/hash.h"
#include "sandbox/evaluation/dataset_records.h"
#include "tests/unit/evaluation/world.h"

using namespace sandbox;              // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::evaluation;  // NOLINT(google-build-using-namespace)

namespace {

struct DatasetWorld : World {
  Datasets datasets{env, *database};
  DatasetRecords records{env, *database};

  std::string create(const std::string& name, const std::string& tags = "") {
    ++env.now;
    return datasets.create({name, {"7"}, tags}).dataset_id;
  }
};

}  // namespace

TEST_CASE("a dataset lies in the tables as the reference writes it", "[evaluation]") {
  DatasetWorld world;
  const Dataset made =
      world.datasets.create({"qa", {"7", "8"}, R"({"mlflow.user":"bob","n":5,"z":null})"});
  CHECK(made.digest == sha256_hex("qa:1700000000000").substr(0, 8));
  CHECK(world.rows("SELECT name, schema, profile, digest, created_time, last_update_time, "
                   "created_by, last_updated_by, workspace FROM evaluation_datasets",
                   9) ==
        "qa|-|-|" + made.digest + "|1700000000000|1700000000000|bob|bob|default\n");
  CHECK(world.rows("SELECT key, value FROM evaluation_dataset_tags ORDER BY key", 2) ==
        "mlflow.user|bob\nn|5\nz|-\n");
  CHECK(world.rows("SELECT substr(association_id, 1, 2), source_type, source_id, destination_type, "
                   "destination_id, created_time FROM entity_associations",
                   6) == "a-|evaluation_dataset|" + made.dataset_id +
                             "|experiment|7|1700000000000\na-|evaluation_dataset|" +
                             made.dataset_id + "|experiment|8|1700000000000\n");
}

// NaN is no JSON for PostgreSQL, which refuses it from the reference as well.
TEST_CASE("records lie in the tables as the reference writes them", "[evaluation][sqlite]") {
  DatasetWorld world;
  const std::string id = world.create("qa");
  world.records.upsert(
      id, R"([{"inputs":{"z":1,"a":2.50},"source":{"source_type":"human","source_data":)"
          R"({"source_id":5}},"tags":{"mlflow.user":"al"}},{"inputs":{"n":NaN},"outputs":null}])");
  CHECK(world.rows("SELECT inputs, outputs, expectations, tags, source, source_id, source_type, "
                   "created_by, last_updated_by, input_hash FROM evaluation_dataset_records ORDER "
                   "BY inputs DESC",
                   10) ==
        R"({"z": 1, "a": 2.5}|{"mlflow_wrapped": {}}|null|{"mlflow.user": "al"}|)"
        R"({"source_type": "HUMAN", "source_data": {"source_id": 5}}|5|HUMAN|al|al|)" +
            sha256_hex(R"({"a": 2.5, "z": 1})") + "\n" +
            R"({"n": NaN}|null|null|{}|null|-|-|-|-|)" + sha256_hex(R"({"n": NaN})") + "\n");
  CHECK(world.rows("SELECT schema, profile, last_updated_by FROM evaluation_datasets", 3) ==
        R"({"inputs": {"z": "integer", "a": "float", "n": "float"}, "outputs": {}, )"
        R"("expectations": {}, "version": "1.0"}|{"num_records": 2}|al)"
        "\n");
}

TEST_CASE("the same inputs are one record, whatever their order", "[evaluation]") {
  DatasetWorld world;
  const std::string id = world.create("qa");
  world.records.upsert(id, R"([{"inputs":{"a":1,"b":2},"expectations":{"x":1,"y":2}}])");
  ++world.env.now;
  const RecordCounts counts = world.records.upsert(
      id, R"([{"inputs":{"b":2,"a":1},"expectations":{"x":3,"z":4}},{"inputs":{"a":1}}])");
  CHECK(counts.inserted_count == 1);
  CHECK(counts.updated_count == 1);
  CHECK(world.rows("SELECT expectations, created_time, last_update_time FROM "
                   "evaluation_dataset_records WHERE CAST(expectations AS TEXT) <> 'null'",
                   3) == R"({"x": 3, "y": 2, "z": 4}|1700000000001|1700000000002)"
                         "\n");
}

TEST_CASE("a dataset whose outputs are texts takes objects too", "[evaluation]") {
  DatasetWorld world;
  const std::string id = world.create("qa");
  world.records.upsert(id, R"([{"inputs":{"a":1},"outputs":"text"}])");
  world.records.upsert(id, R"([{"inputs":{"a":2},"outputs":{"r":1}}])");
  CHECK(
      world.datasets.get(id).schema ==
      R"({"inputs": {"a": "integer"}, "outputs": "string", "expectations": {}, "version": "1.0"})");
}

TEST_CASE("bad records write nothing", "[evaluation]") {
  DatasetWorld world;
  const std::string id = world.create("qa");
  for (const char* records : {"", "5", R"([{"inputs":{"a":1}},{"inputs":[]}])", R"([{"tags":[]}])",
                              R"([{"source":{"source_type":"x"}}])"}) {
    CAPTURE(records);
    CHECK(code_of([&] { world.records.upsert(id, records); }) == Code::invalid_parameter_value);
  }
  CHECK(world.rows("SELECT 1 FROM evaluation_dataset_records", 1).empty());
  CHECK(code_of([&] { world.records.upsert("d-no", R"([{"inputs":{}}])"); }) == Code::bad_request);
}

TEST_CASE("a dataset goes with everything that is its own", "[evaluation]") {
  DatasetWorld world;
  const std::string id = world.create("qa", R"({"t":"v"})");
  const std::string other = world.create("kept", R"({"t":"v"})");
  for (const std::string& one : {id, other}) world.records.upsert(one, R"([{"inputs":{"a":1}}])");
  world.datasets.remove(id);
  for (const char* table : {"evaluation_datasets", "evaluation_dataset_tags",
                            "evaluation_dataset_records", "entity_associations"}) {
    CAPTURE(table);
    CHECK(world.rows("SELECT COUNT(*) FROM " + std::string(table), 1) == "1\n");
  }
  CHECK(world.datasets.get(other).name == "kept");
}

TEST_CASE("more datasets than one list of ids keep their own tags", "[evaluation]") {
  DatasetWorld world;
  for (int i = 0; i < 120; ++i) {
    world.create("d" + std::to_string(i), R"({"n":")" + std::to_string(i) + R"("})");
  }
  SearchDatasets in;
  in.experiment_ids = {"7"};
  in.order_by = {"created_time ASC"};
  const DatasetPage page = world.datasets.search(in);
  REQUIRE(page.datasets.size() == 120);
  for (int i = 0; i < 120; ++i) {
    CHECK(page.datasets[static_cast<std::size_t>(i)].tags ==
          R"({"n": ")" + std::to_string(i) + R"("})");
  }
}
