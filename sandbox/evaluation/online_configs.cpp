#include "sandbox/evaluation/online_configs.h"

#include <unordered_set>

#include "sandbox/base/error.h"
#include "sandbox/evaluation/lookups.h"
#include "sandbox/evaluation/scorers.h"
#include "sandbox/evaluation/serialized_scorer.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::evaluation {
namespace {

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

void check_can_run_online(db::Tx& tx, const std::string& scorer_id, const std::string& name) {
  db::Rows rows = tx.query(
      "SELECT serialized_scorer FROM scorer_versions WHERE scorer_id = ? ORDER BY scorer_version "
      "DESC LIMIT 1",
      scorer_id);
  if (!rows.next()) return;
  const PythonJson scorer = PythonJson::parse(rows.view(0));
  if (!gateway_endpoint_of(scorer)) {
    refuse("Scorer '" + name +
           "' does not use a gateway model. Automatic evaluation is only supported for scorers "
           "that use gateway models.");
  }
  if (wants_expectations(scorer)) {
    refuse("Scorer '" + name +
           "' requires expectations, but scorers with expectations are not currently supported "
           "for automatic evaluation.");
  }
}

}  // namespace

OnlineConfig OnlineConfigs::set(const std::string& experiment_id,
                                const std::string& scorer_name,
                                double sample_rate,
                                const std::optional<std::string>& filter) {
  if (!(sample_rate >= 0 && sample_rate <= 1)) {
    refuse("sample_rate must be between 0.0 and 1.0, got " + python_float(sample_rate));
  }
  if (filter && !filter->empty()) check_filter_(*filter);
  const std::string config_id = env_.new_id();
  return database_.write([&](db::Tx& tx) {
    const std::int64_t experiment = tracking::active_experiment(tx, experiment_id).id;
    const auto scorer_id = find_scorer(tx, experiment, scorer_name);
    if (!scorer_id) no_scorer(experiment_id, scorer_name);
    if (sample_rate > 0) check_can_run_online(tx, *scorer_id, scorer_name);
    tx.execute("DELETE FROM online_scoring_configs WHERE scorer_id = ?", *scorer_id);
    tx.execute(
        "INSERT INTO online_scoring_configs (online_scoring_config_id, scorer_id, sample_rate, "
        "experiment_id, filter_string) VALUES (?, ?, ?, ?, ?)",
        config_id, *scorer_id, sample_rate, experiment, filter);
    return OnlineConfig{config_id, *scorer_id, sample_rate, std::to_string(experiment), filter};
  });
}

std::vector<OnlineConfig> OnlineConfigs::of_scorers(const std::vector<std::string>& scorer_ids) {
  const std::string sql =
      "SELECT online_scoring_config_id, scorer_id, sample_rate, experiment_id, filter_string FROM "
      "online_scoring_configs WHERE scorer_id IN " +
      std::string(id_marks);
  return database_.read([&](db::Tx& tx) {
    std::vector<OnlineConfig> configs;
    std::unordered_set<std::string> seen;  // a scorer may be asked for twice
    for_each_id_list(scorer_ids, [&](const std::vector<db::Value>& list) {
      for (db::Rows rows = tx.query_values(sql, list); rows.next();) {
        if (!seen.insert(rows.text(0)).second) continue;
        configs.push_back({rows.text(0), rows.text(1), rows.real(2),
                           std::to_string(rows.integer(3)), rows.maybe_text(4)});
      }
    });
    return configs;
  });
}

}  // namespace sandbox::evaluation
