#include "sandbox/upkeep/relocation.h"

#include <map>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/artifacts/uri_columns.h"
#include "sandbox/artifacts/uri_rewriting.h"
#include "sandbox/base/error.h"
#include "tests/unit/upkeep/lab.h"

using namespace sandbox;          // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::upkeep;  // NOLINT(google-build-using-namespace)

namespace {

std::string text(const Lab& lab, const std::string& sql) {
  return lab.database->read([&](db::Tx& tx) {
    db::Rows rows = tx.query(sql);
    return rows.next() ? rows.text(0) : std::string("(no row)");
  });
}

Move place(const std::string& from, const std::string& to) {
  Move wanted;
  wanted.from = from;
  wanted.to = to;
  return wanted;
}

// The last line of a move.
Progress move(Lab& lab, Move wanted) {
  Relocation relocation(*lab.database, *lab.store, lab.artifacts);
  Progress last;
  relocation.run(relocation.checked(std::move(wanted)),
                 [&](const Progress& progress) { last = progress; });
  return last;
}

std::string refused(Lab& lab, Move wanted) {
  try {
    move(lab, std::move(wanted));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> keys_in(const Lab& lab, const std::string& bucket) {
  std::vector<std::string> keys;
  for (const auto& object : lab.store->list(bucket, {}).objects) keys.push_back(object.key);
  return keys;
}

}  // namespace

TEST_CASE("URIs below a place are rewritten in every column, others stay", "[upkeep]") {
  Lab lab;
  const std::string run = lab.run();
  lab.write("UPDATE experiments SET artifact_location = 's3://old/a' WHERE experiment_id = 0");
  lab.write("UPDATE runs SET artifact_uri = 's3://old/a/r/artifacts'");
  lab.write(
      "INSERT INTO experiments (name, artifact_location, lifecycle_stage) VALUES ('beside', "
      "'s3://old/ab', 'active'), ('case', 's3://old/A/x', 'active')");
  lab.write("INSERT INTO registered_models (workspace, name) VALUES ('default', 'm')");
  lab.write(
      "INSERT INTO model_versions (workspace, name, version, source, storage_location) VALUES "
      "('default', 'm', 1, 'models:/m-1', 's3://old/a/models/m-1')");
  lab.write(
      "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, "
      "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage) VALUES "
      "('m-1', 0, 'm', 's3://old/a/models/m-1', 1, 1, 2, 'deleted')");
  lab.write(
      "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) VALUES "
      "('tr-1', 0, 1, 'OK')");
  lab.write(
      "INSERT INTO trace_tags (key, value, request_id) VALUES ('mlflow.artifactLocation', "
      "'s3://old/a/traces/tr-1', 'tr-1'), ('note', 's3://old/a/x', 'tr-1'), "
      "('mlflow.trace.archiveLocation', 's3://old/a/archive/tr-1', 'tr-1')");
  lab.write(
      "INSERT INTO workspaces (name, default_artifact_root, trace_archival_location) VALUES "
      "('team', 's3://old/a/team', 's3://old/a/archive')");
  lab.write(
      "INSERT INTO evaluation_datasets (dataset_id, name) VALUES ('e', 'questions'); "
      "INSERT INTO evaluation_dataset_records (dataset_record_id, dataset_id, inputs, source, "
      "input_hash) VALUES ('r', 'e', '{\"at\": \"s3://old/a/in\"}', '{\"source_type\": "
      "\"DOCUMENT\", \"source_data\": {\"doc_uri\": \"s3://old/a/d.md\"}}', 'h'), "
      "('human', 'e', '{}', '{\"source_type\": \"HUMAN\"}', 'i'), ('none', 'e', '{}', NULL, 'j')");
  lab.write(
      "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, "
      "dataset_source) VALUES ('d', 0, 'n', 'g', 's3', '{\"uri\": \"s3://old/a/t.csv\", \"of\": "
      "\"s3://old/ab\"}')");
  lab.write(
      "INSERT INTO tags (run_uuid, key, value) SELECT run_uuid, "
      "'mlflow.log-model.history', '[{\"artifact_path\": \"s3://old/a/m\"}]' FROM runs");
  std::map<std::string_view, std::int64_t> counted;
  lab.database->write([&](db::Tx& tx) {
    for (const auto& [column, rows] : artifacts::count_uris(tx, "s3://old/a", "s3://new")) {
      counted[column] += rows;
    }
    CHECK(artifacts::rewrite_uris(tx, "s3://old/a", "s3://new").size() ==
          counted.size() + 1);  // two tags of traces
  });
  CHECK(counted ==
        std::map<std::string_view, std::int64_t>{{"experiments.artifact_location", 1},
                                                 {"runs.artifact_uri", 1},
                                                 {"logged_models.artifact_location", 1},
                                                 {"model_versions.storage_location", 1},
                                                 {"trace_tags.value", 2},
                                                 {"workspaces.default_artifact_root", 1},
                                                 {"workspaces.trace_archival_location", 1},
                                                 {"evaluation_dataset_records.source", 1},
                                                 {"datasets.dataset_source", 1},
                                                 {"tags.value", 1}});
  CHECK(text(lab, "SELECT artifact_location FROM experiments WHERE experiment_id = 0") ==
        "s3://new");
  CHECK(text(lab, "SELECT artifact_location FROM experiments WHERE name = 'beside'") ==
        "s3://old/ab");
  CHECK(text(lab, "SELECT artifact_location FROM experiments WHERE name = 'case'") ==
        "s3://old/A/x");
  CHECK(text(lab, "SELECT artifact_uri FROM runs") == "s3://new/r/artifacts");
  CHECK(text(lab, "SELECT source FROM model_versions") == "models:/m-1");
  CHECK(text(lab, "SELECT storage_location FROM model_versions") == "s3://new/models/m-1");
  CHECK(text(lab, "SELECT value FROM trace_tags WHERE key = 'note'") == "s3://old/a/x");
  CHECK(text(lab, "SELECT value FROM trace_tags WHERE key = 'mlflow.trace.archiveLocation'") ==
        "s3://new/archive/tr-1");
  CHECK(text(lab, "SELECT default_artifact_root FROM workspaces WHERE name = 'team'") ==
        "s3://new/team");
  const std::string record = " FROM evaluation_dataset_records WHERE dataset_record_id = ";
  CHECK(nlohmann::json::parse(text(lab, "SELECT CAST(source AS TEXT)" + record + "'r'")) ==
        nlohmann::json::parse(R"({"source_type": "DOCUMENT",
                                  "source_data": {"doc_uri": "s3://new/d.md"}})"));
  // What was asked is hashed and belongs to the user.
  CHECK(text(lab, "SELECT CAST(inputs AS TEXT)" + record + "'r'") == "{\"at\": \"s3://old/a/in\"}");
  CHECK(text(lab, "SELECT CAST(source AS TEXT)" + record + "'human'") ==
        "{\"source_type\": \"HUMAN\"}");
  CHECK(text(lab, "SELECT dataset_source FROM datasets") ==
        "{\"uri\": \"s3://new/t.csv\", \"of\": \"s3://old/ab\"}");
  CHECK(text(lab, "SELECT value FROM tags WHERE key = 'mlflow.log-model.history'") ==
        "[{\"artifact_path\": \"s3://new/m\"}]");
}

namespace {

// Text columns in which no artifact URI of the lab's own making lies. "column" is one in any table.
struct NoUris {
  std::string_view why;
  std::vector<std::string> columns;
};

const std::vector<NoUris>& columns_without_uris() {
  static const std::vector<NoUris> all{
      {"ids and keys that name rows",
       {"action_endpoint_id",
        "assessment_id",
        "association_id",
        "budget_policy_id",
        "client_request_id",
        "dataset_id",
        "dataset_record_id",
        "dataset_uuid",
        "destination_id",
        "endpoint_id",
        "guardrail_id",
        "id",
        "input_uuid",
        "issue_id",
        "item_id",
        "job_id",
        "key",
        "lease_key",
        "lock_key",
        "mapping_id",
        "model_definition_id",
        "model_id",
        "online_scoring_config_id",
        "overrides",
        "param_key",
        "parent_span_id",
        "queue_id",
        "request_id",
        "resource_id",
        "run_id",
        "run_uuid",
        "schema_id",
        "scorer_id",
        "secret_id",
        "session_id",
        "source_id",
        "source_run_id",
        "span_id",
        "tag_key",
        "trace_id",
        "webhook_id"}},
      {"names that people and programs give",
       {"alias",        "completed_by",     "created_by",       "creator",      "dataset_name",
        "display_name", "entry_point_name", "executor_backend", "job_name",     "last_updated_by",
        "metric_name",  "model_name",       "model_provider",   "name",         "name_key",
        "provider",     "scorer_name",      "secret_name",      "server_alias", "server_name",
        "trace_name",   "user_id",          "workspace"}},
      {"one of a few words",
       {"action",
        "assessment_type",
        "budget_action",
        "budget_unit",
        "current_stage",
        "dataset_source_type",
        "destination_type",
        "duration_unit",
        "entity",
        "grouping_set",
        "input_type",
        "item_type",
        "lifecycle_stage",
        "linkage_type",
        "model_type",
        "queue_type",
        "resource_type",
        "rollup_family",
        "routing_strategy",
        "severity",
        "source_type",
        "stage",
        "status",
        "target_scope",
        "target_value",
        "trace_archival_retention",
        "trace_status",
        "transport_type",
        "type"}},
      {"days", {"rollup_day"}},
      {"digests and versions",
       {"dataset_digest", "digest", "input_hash", "server_version", "source_version", "token_hash",
        "version", "version_num", "version_prerelease_sort_key"}},
      {"prose",
       {"description", "instruction", "rationale", "root_causes", "status_message",
        "assessments.error", "categories"}},
      {"secrets, which nobody may rewrite",
       {"auth_config", "encrypted_value", "masked_value", "webhooks.secret", "wrapped_dek"}},
      {"the user's own words, which stay as they were logged",
       {"params.value",
        "experiment_tags.value",
        "registered_model_tags.value",
        "model_version_tags.value",
        "logged_model_tags.tag_value",
        "logged_model_params.param_value",
        "endpoint_tags.value",
        "evaluation_dataset_tags.value",
        "input_tags.value",
        "mcp_server_tags.value",
        "mcp_server_version_tags.value",
        "trace_request_metadata.value",
        "assessments.value",
        "assessments.assessment_metadata",
        "evaluation_dataset_records.inputs",
        "evaluation_dataset_records.outputs",
        "evaluation_dataset_records.expectations",
        "evaluation_dataset_records.tags",
        "trace_info.request_preview",
        "trace_info.response_preview"}},
      {"what a program said and did, a record of that time; attachments are named by trace",
       {"spans.content"}},
      {"where the code came from", {"runs.source_name", "mcp_server_versions.source"}},
      {"addresses of web services and pages",
       {"mcp_access_endpoints.url", "webhooks.url", "model_versions.run_link", "mcp_servers.icons",
        "mcp_server_versions.server_json", "mcp_server_versions.connect_options"}},
      {"shapes of data",
       {"dataset_schema", "dataset_profile", "evaluation_datasets.schema",
        "evaluation_datasets.profile", "label_schemas.input_config", "mcp_server_versions.tools"}},
      {"settings without files", {"fallback_config_json", "filter_string", "serialized_scorer"}},
      {"what a job was asked to do and answered, a record",
       {"jobs.params", "jobs.result", "jobs.progress", "jobs.status_details",
        "jobs.scoped_permissions"}},
  };
  return all;
}

}  // namespace

// A column of a later schema in which files may be named fails here until somebody decides.
TEST_CASE("every text column of MLflow's schema is rewritten or known to hold no URIs",
          "[upkeep]") {
  Lab lab;
  std::set<std::string> rewritten;
  for (const auto& place : artifacts::uri_columns) rewritten.emplace(place.name);
  std::set<std::string> unused = rewritten;
  std::set<std::string> excepted;
  for (const NoUris& group : columns_without_uris()) {
    for (const std::string& column : group.columns) {
      CAPTURE(group.why, column);
      CHECK(excepted.insert(column).second);
      CHECK_FALSE(rewritten.contains(column));
      unused.insert(column);
    }
  }
  lab.database->read([&](db::Tx& tx) {
    for (const std::string& table : tx.tables()) {
      if (table.starts_with("sandbox_")) continue;
      for (const db::Column& column : tx.columns(table)) {
        if (column.kind != db::Value::Kind::text) continue;
        const std::string whole = table + "." + column.name;
        CAPTURE(whole);
        unused.erase(whole);
        if (rewritten.contains(whole)) continue;
        CHECK((excepted.contains(whole) || excepted.contains(column.name)));
        unused.erase(column.name);
      }
    }
  });
  CHECK(unused == std::set<std::string>{});  // lists name nothing that is not there
}

TEST_CASE("an address too long for its column stops a move before anything changes", "[upkeep]") {
  Lab lab;
  lab.run();
  lab.store->create_bucket("other", "us-east-1");
  const std::string told =
      refused(lab, place("mlflow-artifacts:/0", "s3://other/" + std::string(190, 'x')));
  CHECK(told.find("runs.artifact_uri takes 200") != std::string::npos);
  CHECK(keys_in(lab, "other").empty());
}

TEST_CASE("a move copies, rewrites all spellings, and goes on where it was", "[upkeep]") {
  Lab lab;
  lab.store->create_bucket("other", "us-east-1");
  const std::string first = lab.run();
  const std::string second = lab.run();
  // The same place, written as S3 clients see it.
  lab.write(
      "UPDATE runs SET artifact_uri = 's3://mlflow/0/' || run_uuid || '/artifacts' WHERE "
      "run_uuid = '" +
      second + "'");
  const Move wanted = place("mlflow-artifacts:/0/", "s3://other/kept");

  Move dry = wanted;
  dry.dry_run = true;
  Progress told = move(lab, dry);
  CHECK(told.objects == 4);
  CHECK(told.rows == 3);  // two runs and the experiment
  CHECK(keys_in(lab, "other").empty());

  told = move(lab, wanted);
  CHECK(told.copied == 4);
  CHECK(told.rows == 3);
  CHECK(keys_in(lab, "other").size() == 4);
  CHECK(lab.keys().size() == 4);  // the sources stay
  for (const std::string& run : {first, second}) {
    CHECK(text(lab, "SELECT artifact_uri FROM runs WHERE run_uuid = '" + run + "'") ==
          "s3://other/kept/" + run + "/artifacts");
  }

  // A client that knew the old place comes late, another wrote a newer file at the new one.
  lab.env.now += 5'000;
  lab.put("0/" + first + "/artifacts/late.txt", "late");
  const auto newer = lab.store->begin_put("other", "kept/" + first + "/artifacts/c.txt");
  newer->write("newer");
  newer->commit({});
  told = move(lab, wanted);
  CHECK(told.copied == 1);
  CHECK(told.rows == 0);
  CHECK(lab.store->find("other", "kept/" + first + "/artifacts/c.txt")->size == 5);

  Move last = wanted;
  last.delete_source = true;
  told = move(lab, last);
  CHECK(told.copied == 0);
  CHECK(told.removed == 4);
  // The one whose newer version is not a copy of it stays.
  CHECK(lab.keys() == std::vector<std::string>{"0/" + first + "/artifacts/c.txt"});
}

TEST_CASE("a move that cannot be made is refused before anything changes", "[upkeep]") {
  Lab lab;
  lab.run();
  CHECK(refused(lab, place("mlflow-artifacts:/0", "s3://absent")).find("no bucket") !=
        std::string::npos);
  CHECK(
      refused(lab, place("mlflow-artifacts:/0", "s3://mlflow/0/inner")).find("one in the other") !=
      std::string::npos);
  CHECK(refused(lab, place("mlflow-artifacts:/0", "s3://mlflow/0")).find("one in the other") !=
        std::string::npos);
  for (const char* odd : {"", "/local", "file:///x", "s3://a\"b", "https://h/b"}) {
    CAPTURE(odd);
    CHECK_FALSE(refused(lab, place("mlflow-artifacts:/0", odd)).empty());
    CHECK_FALSE(refused(lab, place(odd, "s3://mlflow/z")).empty());
  }
  CHECK(text(lab, "SELECT artifact_location FROM experiments") == "mlflow-artifacts:/0");
}
