// Runs with all that is shown of them: a page of them takes few statements, however many it has.
#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_map>
#include <utility>

#include "sandbox/base/error.h"
#include "sandbox/tracking/runs.h"

namespace sandbox::tracking {
namespace {

// Statements are cached by their text, so there are two lengths of lists: one, and this.
constexpr std::size_t runs_a_statement = 100;

// A statement for one run, and for as many as a statement reads.
struct Part {
  // `sql` ends with the column of the run's id, which is the first column as well.
  explicit Part(const std::string& sql) : of_one(sql + " = ?"), of_some(sql + " IN (?") {
    for (std::size_t i = 1; i < runs_a_statement; ++i) of_some += ",?";
    of_some += ")";
  }
  std::string of_one;
  std::string of_some;
};

// Some of the runs, one part of which is read at a time.
class SomeRuns {
 public:
  // Rows of no run are left out.
  using Take = std::function<void(Run& run, const db::Rows& rows)>;

  SomeRuns(db::Tx& tx, std::span<Run> runs) : tx_(tx) {
    for (Run& run : runs) by_id_.emplace(run.info.run_id, &run);
    for (const Run& run : runs) ids_.emplace_back(run.info.run_id);
    if (runs.size() > 1) ids_.resize(runs_a_statement, db::Value(""));
  }

  void each(const Part& part, const Take& take) {
    db::Rows rows = tx_.query_values(ids_.size() == 1 ? part.of_one : part.of_some, ids_);
    while (rows.next()) {
      const auto run = by_id_.find(rows.view(0));
      if (run != by_id_.end()) take(*run->second, rows);
    }
  }

 private:
  db::Tx& tx_;
  std::unordered_map<std::string_view, Run*> by_id_;
  std::vector<db::Value> ids_;
};

void read_info(SomeRuns& some) {
  static const Part row(
      "SELECT run_uuid, experiment_id, name, user_id, status, start_time, end_time, artifact_uri, "
      "lifecycle_stage FROM runs WHERE run_uuid");
  some.each(row, [](Run& run, const db::Rows& rows) {
    RunInfo& info = run.info;
    info.run_uuid = info.run_id;
    info.experiment_id = rows.text(1);
    info.run_name = rows.text(2);
    info.user_id = rows.text(3);
    info.status = rows.text(4);
    info.start_time = rows.maybe_integer(5);
    info.end_time = rows.maybe_integer(6);
    info.artifact_uri = rows.text(7);
    info.lifecycle_stage = rows.text(8);
  });
}

void need_run(const Run& run) {
  if (!run.info.run_uuid.empty()) return;
  throw Error(Code::resource_does_not_exist, "Run with id=" + run.info.run_id + " not found");
}

void read_data(SomeRuns& some) {
  static const Part metrics(
      "SELECT run_uuid, key, value, timestamp, step, is_nan FROM latest_metrics WHERE run_uuid");
  some.each(metrics, [](Run& run, const db::Rows& rows) {
    Metric& metric = run.data.metrics.emplace_back();
    metric.key = rows.text(1);
    metric.value = rows.integer(5) != 0 ? std::nan("") : rows.real(2);
    metric.timestamp = rows.integer(3);
    metric.step = rows.integer(4);
  });
  static const Part params("SELECT run_uuid, key, value FROM params WHERE run_uuid");
  some.each(params, [](Run& run, const db::Rows& rows) {
    run.data.params.push_back({rows.text(1), rows.text(2)});
  });
  static const Part tags("SELECT run_uuid, key, value FROM tags WHERE run_uuid");
  some.each(tags, [](Run& run, const db::Rows& rows) {
    run.data.tags.push_back({rows.text(1), rows.text(2)});
  });
}

void read_datasets(SomeRuns& some) {
  std::unordered_map<std::string, std::pair<Run*, std::size_t>> inputs;  // by input_uuid
  static const Part datasets(
      "SELECT i.destination_id, i.input_uuid, d.name, d.digest, d.dataset_source_type, "
      "d.dataset_source, d.dataset_schema, d.dataset_profile FROM inputs i JOIN datasets d ON "
      "d.dataset_uuid = i.source_id WHERE i.destination_type = 'RUN' AND i.source_type = 'DATASET' "
      "AND i.destination_id");
  some.each(datasets, [&](Run& run, const db::Rows& rows) {
    inputs.emplace(rows.text(1), std::pair(&run, run.inputs.dataset_inputs.size()));
    run.inputs.dataset_inputs.emplace_back().dataset = {rows.text(2),       rows.text(3),
                                                        rows.text(4),       rows.text(5),
                                                        rows.maybe_text(6), rows.maybe_text(7)};
  });
  if (inputs.empty()) return;
  static const Part dataset_tags(
      "SELECT i.destination_id, i.input_uuid, t.name, t.value FROM inputs i JOIN input_tags t ON "
      "t.input_uuid = i.input_uuid WHERE i.destination_type = 'RUN' AND i.source_type = 'DATASET' "
      "AND i.destination_id");
  some.each(dataset_tags, [&](Run& /*run*/, const db::Rows& rows) {
    const auto input = inputs.find(rows.text(1));
    if (input == inputs.end()) return;  // its dataset is gone
    const auto& [run, at] = input->second;
    run->inputs.dataset_inputs[at].tags.push_back({rows.text(2), rows.text(3)});
  });
}

void read_models(SomeRuns& some) {
  static const Part inputs(
      "SELECT source_id, destination_id FROM inputs WHERE source_type = 'RUN_INPUT' AND "
      "destination_type = 'MODEL_INPUT' AND source_id");
  some.each(inputs, [](Run& run, const db::Rows& rows) {
    run.inputs.model_inputs.push_back({rows.text(1)});
  });
  static const Part outputs(
      "SELECT source_id, destination_id, step FROM inputs WHERE source_type = 'RUN_OUTPUT' AND "
      "destination_type = 'MODEL_OUTPUT' AND source_id");
  some.each(outputs, [](Run& run, const db::Rows& rows) {
    run.outputs->model_outputs.push_back({rows.text(1), rows.integer(2)});
  });
}

}  // namespace

std::vector<Run> read_runs(db::Tx& tx, const std::vector<std::string>& run_ids) {
  std::vector<Run> runs(run_ids.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].info.run_id = run_ids[i];
    runs[i].outputs.emplace();
  }
  for (std::size_t begin = 0; begin < runs.size(); begin += runs_a_statement) {
    const std::size_t count = std::min(runs_a_statement, runs.size() - begin);
    SomeRuns some(tx, std::span(runs).subspan(begin, count));
    read_info(some);
    read_data(some);
    read_datasets(some);
    read_models(some);
  }
  for (const Run& run : runs) need_run(run);
  return runs;
}

RunInfo read_run_info(db::Tx& tx, const std::string& run_id) {
  Run run;
  run.info.run_id = run_id;
  SomeRuns some(tx, std::span(&run, 1));
  read_info(some);
  need_run(run);
  return run.info;
}

Run read_run(db::Tx& tx, const std::string& run_id) {
  return std::move(read_runs(tx, {run_id}).front());
}

}  // namespace sandbox::tracking
