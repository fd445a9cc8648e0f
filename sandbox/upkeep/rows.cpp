#include "sandbox/upkeep/rows.h"

#include <array>

namespace sandbox::upkeep {
namespace {

using namespace std::string_view_literals;

// Both databases take row values in IN, and both find the outer rows by their primary keys.
constexpr std::array run_statements{
    "DELETE FROM metrics WHERE (key, timestamp, step, run_uuid, value, is_nan) IN (SELECT key, "
    "timestamp, step, run_uuid, value, is_nan FROM metrics WHERE run_uuid = ? LIMIT ?)"sv,
    "DELETE FROM latest_metrics WHERE (key, run_uuid) IN (SELECT key, run_uuid FROM latest_metrics "
    "WHERE run_uuid = ? LIMIT ?)"sv,
    "DELETE FROM params WHERE (key, run_uuid) IN (SELECT key, run_uuid FROM params WHERE run_uuid "
    "= ? LIMIT ?)"sv,
    "DELETE FROM logged_model_metrics WHERE (model_id, metric_name, metric_timestamp_ms, "
    "metric_step, run_id) IN (SELECT model_id, metric_name, metric_timestamp_ms, metric_step, "
    "run_id FROM logged_model_metrics WHERE run_id = ? LIMIT ?)"sv,
    "DELETE FROM input_tags WHERE (input_uuid, name) IN (SELECT t.input_uuid, t.name FROM inputs i "
    "JOIN input_tags t ON t.input_uuid = i.input_uuid WHERE i.destination_type = 'RUN' AND "
    "i.destination_id = ? LIMIT ?)"sv,
    "DELETE FROM inputs WHERE (source_type, source_id, destination_type, destination_id) IN "
    "(SELECT source_type, source_id, destination_type, destination_id FROM inputs WHERE "
    "destination_type = 'RUN' AND destination_id = ? LIMIT ?)"sv,
    "DELETE FROM inputs WHERE (source_type, source_id, destination_type, destination_id) IN "
    "(SELECT source_type, source_id, destination_type, destination_id FROM inputs WHERE "
    "source_type IN ('RUN_INPUT', 'RUN_OUTPUT') AND source_id = ? LIMIT ?)"sv,
    "DELETE FROM entity_associations WHERE (source_type, source_id, destination_type, "
    "destination_id) IN (SELECT source_type, source_id, destination_type, destination_id FROM "
    "entity_associations WHERE source_type = 'run' AND source_id = ? LIMIT ?)"sv,
    "DELETE FROM entity_associations WHERE (source_type, source_id, destination_type, "
    "destination_id) IN (SELECT source_type, source_id, destination_type, destination_id FROM "
    "entity_associations WHERE destination_type = 'run' AND destination_id = ? LIMIT ?)"sv,
    // The mark that it is being removed keeps it from being restored, so it goes with the run.
    "DELETE FROM tags WHERE (key, run_uuid) IN (SELECT key, run_uuid FROM tags WHERE run_uuid = ? "
    "AND key <> 'sandbox.purging' LIMIT ?)"sv,
    "DELETE FROM tags WHERE (key, run_uuid) IN (SELECT key, run_uuid FROM tags WHERE run_uuid = ? "
    "AND key = 'sandbox.purging' LIMIT ?)"sv,
    "DELETE FROM runs WHERE run_uuid IN (SELECT run_uuid FROM runs WHERE run_uuid = ? AND "
    "lifecycle_stage = 'deleted' LIMIT ?)"sv,
};

// Edges of `inputs` to a model belong to the run that made them and stay as long as it does.
constexpr std::array logged_model_statements{
    "DELETE FROM logged_model_metrics WHERE (model_id, metric_name, metric_timestamp_ms, "
    "metric_step, run_id) IN (SELECT model_id, metric_name, metric_timestamp_ms, metric_step, "
    "run_id FROM logged_model_metrics WHERE model_id = ? LIMIT ?)"sv,
    "DELETE FROM logged_model_params WHERE (model_id, param_key) IN (SELECT model_id, param_key "
    "FROM logged_model_params WHERE model_id = ? LIMIT ?)"sv,
    "DELETE FROM logged_model_tags WHERE (model_id, tag_key) IN (SELECT model_id, tag_key FROM "
    "logged_model_tags WHERE model_id = ? LIMIT ?)"sv,
    "DELETE FROM logged_models WHERE model_id IN (SELECT model_id FROM logged_models WHERE "
    "model_id = ? LIMIT ?)"sv,
};

constexpr std::array trace_statements{
    "DELETE FROM span_metrics WHERE (trace_id, span_id, key) IN (SELECT trace_id, span_id, key "
    "FROM span_metrics WHERE trace_id = ? LIMIT ?)"sv,
    "DELETE FROM spans WHERE (trace_id, span_id) IN (SELECT trace_id, span_id FROM spans WHERE "
    "trace_id = ? LIMIT ?)"sv,
    "DELETE FROM assessments WHERE assessment_id IN (SELECT assessment_id FROM assessments WHERE "
    "trace_id = ? LIMIT ?)"sv,
    "DELETE FROM trace_metrics WHERE (request_id, key) IN (SELECT request_id, key FROM "
    "trace_metrics WHERE request_id = ? LIMIT ?)"sv,
    "DELETE FROM trace_request_metadata WHERE (key, request_id) IN (SELECT key, request_id FROM "
    "trace_request_metadata WHERE request_id = ? LIMIT ?)"sv,
    "DELETE FROM entity_associations WHERE (source_type, source_id, destination_type, "
    "destination_id) IN (SELECT source_type, source_id, destination_type, destination_id FROM "
    "entity_associations WHERE source_type = 'trace' AND source_id = ? LIMIT ?)"sv,
    "DELETE FROM entity_associations WHERE (source_type, source_id, destination_type, "
    "destination_id) IN (SELECT source_type, source_id, destination_type, destination_id FROM "
    "entity_associations WHERE destination_type = 'trace' AND destination_id = ? LIMIT ?)"sv,
    // The tag that says where its files lie goes after the files.
    "DELETE FROM trace_tags WHERE (key, request_id) IN (SELECT key, request_id FROM trace_tags "
    "WHERE request_id = ? LIMIT ?)"sv,
    "DELETE FROM trace_info WHERE request_id IN (SELECT request_id FROM trace_info WHERE "
    "request_id = ? LIMIT ?)"sv,
};

constexpr std::array experiment_statements{
    "DELETE FROM datasets WHERE (experiment_id, name, digest) IN (SELECT experiment_id, name, "
    "digest FROM datasets WHERE experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM issues WHERE issue_id IN (SELECT issue_id FROM issues WHERE experiment_id = ? "
    "LIMIT ?)"sv,
    "DELETE FROM review_queue_items WHERE (queue_id, item_id) IN (SELECT c.queue_id, c.item_id "
    "FROM review_queues q JOIN review_queue_items c ON c.queue_id = q.queue_id WHERE "
    "q.experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM review_queue_label_schemas WHERE (queue_id, schema_id) IN (SELECT c.queue_id, "
    "c.schema_id FROM review_queues q JOIN review_queue_label_schemas c ON c.queue_id = q.queue_id "
    "WHERE q.experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM review_queue_users WHERE (queue_id, user_id) IN (SELECT c.queue_id, c.user_id "
    "FROM review_queues q JOIN review_queue_users c ON c.queue_id = q.queue_id WHERE "
    "q.experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM review_queues WHERE queue_id IN (SELECT queue_id FROM review_queues WHERE "
    "experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM label_schemas WHERE schema_id IN (SELECT schema_id FROM label_schemas WHERE "
    "experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM online_scoring_configs WHERE online_scoring_config_id IN (SELECT "
    "c.online_scoring_config_id FROM scorers s JOIN online_scoring_configs c ON c.scorer_id = "
    "s.scorer_id WHERE s.experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM online_scoring_configs WHERE online_scoring_config_id IN (SELECT "
    "online_scoring_config_id FROM online_scoring_configs WHERE experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM scorer_versions WHERE (scorer_id, scorer_version) IN (SELECT v.scorer_id, "
    "v.scorer_version FROM scorers s JOIN scorer_versions v ON v.scorer_id = s.scorer_id WHERE "
    "s.experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM scorers WHERE scorer_id IN (SELECT scorer_id FROM scorers WHERE experiment_id = ? "
    "LIMIT ?)"sv,
    // These have no foreign key; SQLite gives a number that is free again to the next experiment,
    // which must not inherit them.
    "DELETE FROM sql_trace_rollup_rebuild_queue WHERE (experiment_id, rollup_day, rollup_family) "
    "IN (SELECT experiment_id, rollup_day, rollup_family FROM sql_trace_rollup_rebuild_queue WHERE "
    "experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM sql_trace_metric_daily_rollups WHERE id IN (SELECT id FROM "
    "sql_trace_metric_daily_rollups WHERE experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM sql_span_cost_daily_rollups WHERE id IN (SELECT id FROM "
    "sql_span_cost_daily_rollups WHERE experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM sql_assessment_daily_rollups WHERE id IN (SELECT id FROM "
    "sql_assessment_daily_rollups WHERE experiment_id = ? LIMIT ?)"sv,
    "DELETE FROM entity_associations WHERE (source_type, source_id, destination_type, "
    "destination_id) IN (SELECT source_type, source_id, destination_type, destination_id FROM "
    "entity_associations WHERE source_type = 'experiment' AND source_id = CAST(? AS VARCHAR(36)) "
    "LIMIT ?)"sv,
    "DELETE FROM entity_associations WHERE (source_type, source_id, destination_type, "
    "destination_id) IN (SELECT source_type, source_id, destination_type, destination_id FROM "
    "entity_associations WHERE destination_type = 'experiment' AND destination_id = CAST(? AS "
    "VARCHAR(36)) LIMIT ?)"sv,
    "DELETE FROM experiment_tags WHERE (key, experiment_id) IN (SELECT key, experiment_id FROM "
    "experiment_tags WHERE experiment_id = ? AND key <> 'sandbox.purging' LIMIT ?)"sv,
    "DELETE FROM experiment_tags WHERE (key, experiment_id) IN (SELECT key, experiment_id FROM "
    "experiment_tags WHERE experiment_id = ? AND key = 'sandbox.purging' LIMIT ?)"sv,
    "DELETE FROM experiments WHERE experiment_id IN (SELECT experiment_id FROM experiments WHERE "
    "experiment_id = ? AND lifecycle_stage = 'deleted' LIMIT ?)"sv,
};

}  // namespace

const Slices run_rows{run_statements};
const Slices logged_model_rows{logged_model_statements};
const Slices trace_rows{trace_statements};
const Slices experiment_rows{experiment_statements};

bool remove_rows(db::Tx& tx, Slices slices, const db::Value& owner, std::int64_t& budget) {
  for (const std::string_view statement : slices) {
    if (budget <= 0) return false;
    budget -= tx.execute_values(statement, {owner, db::Value(budget)});
  }
  // The budget may have ended with the very last row; asking again costs little.
  return budget > 0;
}

}  // namespace sandbox::upkeep
