#include "sandbox/import/takeover.h"

#include <algorithm>
#include <memory>

#include "sandbox/base/error.h"
#include "sandbox/import/trace_columns.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::import {
namespace {

const std::string& in_page() {
  static const std::string text = " IN (" + page_marks() + ")";
  return text;
}

Thing run_thing() {
  const std::string of_run = "inputs.destination_type = 'RUN'";
  return {.name = "Run",
          .parts = {{"runs", "runs.run_uuid", "runs"},
                    {"params", "params.run_uuid", "params"},
                    {"tags", "tags.run_uuid", "tags"},
                    {"metrics", "metrics.run_uuid", "points"},
                    {"latest_metrics", "latest_metrics.run_uuid", "metrics"},
                    {"inputs", "inputs.destination_id", "dataset inputs", "", of_run},
                    {"input_tags", "inputs.destination_id", "",
                     "input_tags JOIN inputs ON inputs.input_uuid = input_tags.input_uuid", of_run,
                     "inputs"},
                    {"inputs", "inputs.source_id", "model inputs and outputs", "",
                     "inputs.source_type IN ('RUN_INPUT', 'RUN_OUTPUT')"}},
          .key = "run_uuid",
          .heavy = "metrics"};
}

Thing logged_model_thing() {
  return {
      .name = "Logged model",
      .parts = {{"logged_models", "logged_models.model_id", "logged models"},
                {"logged_model_params", "logged_model_params.model_id"},
                {"logged_model_tags", "logged_model_tags.model_id"},
                // A run that was removed for good leaves its metrics of a model behind.
                {"logged_model_metrics", "logged_model_metrics.model_id", "logged models' metrics",
                 "", "logged_model_metrics.run_id IN (SELECT run_uuid FROM runs)"}},
      .key = "model_id",
      .heavy = "logged_model_metrics"};
}

Thing trace_thing() {
  return {.name = "Trace",
          .parts = {{"trace_info", "trace_info.request_id", "traces"},
                    {"trace_tags", "trace_tags.request_id"},
                    {"trace_request_metadata", "trace_request_metadata.request_id"},
                    {"trace_metrics", "trace_metrics.request_id"},
                    {"spans", "spans.trace_id", "spans"},
                    {"span_metrics", "span_metrics.trace_id"},
                    {"assessments", "assessments.trace_id", "assessments"}},
          .key = "request_id",
          .heavy = "spans"};
}

}  // namespace

Takeover::Takeover(
    db::Database& source, FileSource files, Target target, Ledger& ledger, bool dry_run)
    : source_(source),
      files_(std::move(files)),
      target_(std::move(target)),
      ledger_(ledger),
      dry_run_(dry_run),
      things_(source, target_.database, ledger, dry_run) {}

void Takeover::run() {
  experiments();
  runs();
  logged_models();
  traces();
  registry();
  evaluation();
  leftovers();
}

std::string Takeover::only_default(const std::string& table) {
  return source_.read([&](db::Tx& tx) -> std::string {
    for (const db::Column& column : tx.columns(table)) {
      if (column.name == "workspace") return "workspace = 'default'";
    }
    return "";
  });
}

void Takeover::runs() {
  things_.copy(
      run_thing(), [this](PartRows& part) { adapt(part); },
      prepare_with({"Run",
                    "SELECT run_uuid, experiment_id, artifact_uri FROM runs WHERE "
                    "run_uuid" +
                        in_page(),
                    ""}));
}

void Takeover::logged_models() {
  things_.copy(
      logged_model_thing(), [this](PartRows& part) { adapt(part); },
      prepare_with({"Logged model",
                    "SELECT model_id, experiment_id, artifact_location FROM "
                    "logged_models WHERE model_id" +
                        in_page(),
                    "models/"}));
}

void Takeover::traces() {
  const Thing thing = trace_thing();
  Things::PageSource page_source;
  std::unique_ptr<TracePages> pages;
  if (TracePages::are_needed(source_)) {
    pages = std::make_unique<TracePages>(source_, thing.parts);
    page_source = [&](const Ids& ids) -> db::Database& { return pages->fill(ids); };
  }
  things_.copy(
      thing, [this](PartRows& part) { adapt(part); },
      prepare_with({"Trace",
                    "SELECT trace_info.request_id, experiment_id, trace_tags.value FROM "
                    "trace_info LEFT JOIN trace_tags ON trace_tags.request_id = "
                    "trace_info.request_id AND trace_tags.\"key\" = "
                    "'mlflow.artifactLocation' WHERE trace_info.request_id" +
                        in_page(),
                    "traces/"}),
      page_source);
}

void Takeover::registry() {
  const std::string condition = only_default("registered_models");
  things_.copy(
      {.name = "Registered model",
       .parts = {{"registered_models", "registered_models.name", "registered models"},
                 {"registered_model_tags", "registered_model_tags.name", "registered models' tags"},
                 {"model_versions", "model_versions.name", "model versions"},
                 {"model_version_tags", "model_version_tags.name", "versions' tags"},
                 {"registered_model_aliases", "registered_model_aliases.name", "aliases"}},
       .key = "name",
       .condition = condition,
       .is_merged = true},
      [this](PartRows& part) { adapt(part); });
}

void Takeover::evaluation() {
  const auto change = [this](PartRows& part) { adapt(part); };
  const std::vector<Thing> things{
      {.name = "Evaluation dataset",
       .parts = {{"evaluation_datasets", "evaluation_datasets.dataset_id", "evaluation datasets"},
                 {"evaluation_dataset_records", "evaluation_dataset_records.dataset_id",
                  "evaluation records"},
                 {"evaluation_dataset_tags", "evaluation_dataset_tags.dataset_id"}},
       .key = "dataset_id",
       .condition = only_default("evaluation_datasets"),
       .is_merged = true},
      {.name = "Scorer",
       .parts = {{"scorers", "scorers.scorer_id", "scorers"},
                 {"scorer_versions", "scorer_versions.scorer_id"},
                 {"online_scoring_configs", "online_scoring_configs.scorer_id"}},
       .key = "scorer_id",
       .is_merged = true},
      {.name = "Issue",
       .parts = {{"issues", "issues.issue_id", "issues"}},
       .key = "issue_id",
       .is_merged = true},
      {.name = "Label schema",
       .parts = {{"label_schemas", "label_schemas.schema_id", "label schemas"}},
       .key = "schema_id",
       .is_merged = true},
      {.name = "Review queue",
       .parts = {{"review_queues", "review_queues.queue_id", "review queues"},
                 {"review_queue_items", "review_queue_items.queue_id"},
                 {"review_queue_label_schemas", "review_queue_label_schemas.queue_id"},
                 {"review_queue_users", "review_queue_users.queue_id"}},
       .key = "queue_id",
       .is_merged = true},
      {.name = "Association",
       .parts = {{"entity_associations", "entity_associations.association_id"}},
       .key = "association_id",
       .is_merged = true}};
  for (const Thing& thing : things) things_.copy(thing, change);
}

// What no part of the lab has a use for is told, not lost silently.
void Takeover::leftovers() {
  const auto tables = source_.read([](db::Tx& tx) { return tx.tables(); });
  for (const std::string& table : tables) {
    if (table == "alembic_version" || table == "alembic_version_auth" || table == "workspaces" ||
        taken_tables_.count(table) != 0 || table.starts_with("sql_trace_") ||
        table.ends_with("_rollups")) {
      continue;
    }
    const std::int64_t rows = source_.read([&](db::Tx& tx) {
      db::Rows counted = tx.query("SELECT COUNT(*) FROM \"" + table + "\"");
      return counted.next() ? counted.integer(0) : 0;
    });
    if (rows == 0) continue;
    const bool is_sealed = table.starts_with("webhook") || table == "secrets";
    ledger_.note(std::to_string(rows) + " rows of the table " + table + " were left out: " +
                 (is_sealed ? "they are sealed with the other server's key; make them anew."
                            : "the lab has no use for them."));
  }
}

void Takeover::adapt(PartRows& part) {
  const std::string& table = part.part().table;
  taken_tables_.insert(table);
  const auto experiment = part.cell_of("experiment_id");
  if (table == "runs" && !knows_deletion_) part.unknown_cell = part.cell_of("deleted_time");
  std::vector<std::size_t> texts;  // cells that are a URI, or hold some
  for (const char* column :
       {"artifact_location", "artifact_uri", "storage_location", "source", "dataset_source"}) {
    if (const auto cell = part.cell_of(column)) texts.push_back(*cell);
  }
  const bool is_tags = table == "tags" || table == "trace_tags" || table == "model_version_tags";
  const auto key = is_tags ? part.cell_of("key") : std::nullopt;
  const auto value = part.cell_of("value");
  const auto input = table == "inputs" ? part.cell_of("source_id") : std::nullopt;
  part.change = [this, experiment, texts, key, value, input](Row& row) {
    if (experiment && row.cells[*experiment].kind() != db::Value::Kind::null) {
      const auto settled = experiments_.find(row.cells[*experiment].integer());
      if (settled == experiments_.end()) return false;
      row.cells[*experiment] = db::Value(settled->second.id);
    }
    for (const std::size_t cell : texts) {
      if (row.cells[cell].kind() != db::Value::Kind::text) continue;
      if (auto moved = uris_.rewrite(row.cells[cell].text())) row.set(cell, std::move(*moved));
    }
    if (key && value) {
      const std::string_view name = row.cells[*key].text();
      if (name == "mlflow.artifactLocation" || name == "mlflow.log-model.history") {
        if (auto moved = uris_.rewrite(row.cells[*value].text())) {
          row.set(*value, std::move(*moved));
        }
      }
    }
    if (input && !dataset_ids_.empty()) {
      const auto same = dataset_ids_.find(std::string(row.cells[*input].text()));
      if (same != dataset_ids_.end()) row.set(*input, same->second);
    }
    return true;
  };
}

}  // namespace sandbox::import
