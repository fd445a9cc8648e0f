#include "sandbox/tracking/inputs.h"

#include "sandbox/base/error.h"
#include "sandbox/tracking/metrics.h"
#include "sandbox/tracking/names.h"

namespace sandbox::tracking {
namespace {

constexpr std::size_t dataset_name_max = 500;
constexpr std::size_t dataset_digest_max = 36;
constexpr std::size_t dataset_schema_max = 1'048'575;
constexpr std::size_t dataset_source_max = 65'535;
constexpr std::size_t dataset_profile_max = 16'777'215;
constexpr std::size_t input_tag_key_max = 255;
constexpr std::size_t input_tag_value_max = 500;

void check(const DatasetInput& input) {
  check_length("name", input.dataset.name, dataset_name_max);
  check_length("digest", input.dataset.digest, dataset_digest_max);
  check_length("source", input.dataset.source, dataset_source_max);
  check_length("schema", input.dataset.schema.value_or(""), dataset_schema_max);
  check_length("profile", input.dataset.profile.value_or(""), dataset_profile_max);
  for (const KeyValue& tag : input.tags) {
    check_length("key", tag.key, input_tag_key_max);
    check_length("value", tag.value, input_tag_value_max);
  }
}

std::string dataset_uuid(db::Tx& tx,
                         const ActiveRun& run,
                         const Dataset& dataset,
                         const std::string& fresh) {
  tx.execute(
      "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, "
      "dataset_source, dataset_schema, dataset_profile) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON "
      "CONFLICT "
      "DO NOTHING",
      fresh, run.experiment_id, dataset.name, dataset.digest, dataset.source_type, dataset.source,
      dataset.schema, dataset.profile);
  db::Rows rows = tx.query(
      "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?",
      run.experiment_id, dataset.name, dataset.digest);
  rows.next();
  return rows.text(0);
}

// True when the edge is new.
bool insert_edge(db::Tx& tx,
                 const std::string& input_uuid,
                 std::string_view source_type,
                 const std::string& source_id,
                 std::string_view destination_type,
                 const std::string& destination_id,
                 std::int64_t step = 0) {
  return tx.execute(
             "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
             "destination_id, step) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
             input_uuid, source_type, source_id, destination_type, destination_id, step) > 0;
}

}  // namespace

void Inputs::log_inputs(const std::string& run_id,
                        const std::vector<DatasetInput>& datasets,
                        const std::vector<ModelInput>& models) {
  check_run_id(run_id);
  for (const DatasetInput& input : datasets) check(input);
  database_.write([&](db::Tx& tx) {
    const ActiveRun run = active_run(tx, run_id);
    for (const DatasetInput& input : datasets) {
      const std::string dataset = dataset_uuid(tx, run, input.dataset, env_.new_id());
      const std::string edge = env_.new_id();
      if (!insert_edge(tx, edge, "DATASET", dataset, "RUN", run_id)) continue;
      for (const KeyValue& tag : input.tags) {
        tx.execute(
            "INSERT INTO input_tags (input_uuid, name, value) VALUES (?, ?, ?) ON CONFLICT "
            "(input_uuid, name) DO UPDATE SET value = excluded.value",
            edge, tag.key, tag.value);
      }
    }
    for (const ModelInput& model : models) {
      insert_edge(tx, env_.new_id(), "RUN_INPUT", run_id, "MODEL_INPUT", model.model_id);
    }
  });
}

void Inputs::log_outputs(const std::string& run_id, const std::vector<ModelOutput>& models) {
  database_.write([&](db::Tx& tx) {
    active_run(tx, run_id);
    for (const ModelOutput& model : models) {
      insert_edge(tx, env_.new_id(), "RUN_OUTPUT", run_id, "MODEL_OUTPUT", model.model_id,
                  model.step);
    }
  });
}

std::vector<DatasetSummary> Inputs::summaries(const std::vector<std::string>& experiment_ids) {
  constexpr std::size_t experiments_max = 20;
  if (experiment_ids.empty()) {
    throw Error(Code::invalid_parameter_value,
                "SearchDatasets request must specify at least one experiment_id.");
  }
  if (experiment_ids.size() > experiments_max) {
    throw Error(Code::invalid_parameter_value,
                "SearchDatasets request cannot specify more than " +
                    std::to_string(experiments_max) + " experiment_ids. Received " +
                    std::to_string(experiment_ids.size()) + " experiment_ids.");
  }
  std::string marks;
  std::vector<db::Value> values;
  for (const std::string& id : experiment_ids) {
    marks += marks.empty() ? "?" : ",?";
    values.emplace_back(parse_experiment_id(id));
  }
  const std::string sql =
      "SELECT DISTINCT d.experiment_id, d.name, d.digest, t.value FROM datasets d JOIN inputs i ON "
      "i.source_id = d.dataset_uuid AND i.source_type = 'DATASET' LEFT JOIN input_tags t ON "
      "t.input_uuid = i.input_uuid AND t.name = 'mlflow.data.context' WHERE d.experiment_id IN (" +
      marks + ") ORDER BY d.experiment_id, d.name, d.digest, t.value LIMIT 1000";
  return database_.read([&](db::Tx& tx) {
    std::vector<DatasetSummary> found;
    db::Rows rows = tx.query_values(sql, values);
    while (rows.next()) {
      found.push_back({rows.text(0), rows.text(1), rows.text(2), rows.maybe_text(3)});
    }
    return found;
  });
}

}  // namespace sandbox::tracking
