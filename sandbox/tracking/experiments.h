// Experiments: the noun, its rules and its SQL. Source of the rules: MLflow 3.17's tracking store.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::tracking {

// A tag of an experiment or run, or a param: the wire has one shape for them.
struct KeyValue {
  std::string key;
  std::string value;
  static constexpr auto fields() {
    return std::tuple{field("key", &KeyValue::key), field("value", &KeyValue::value)};
  }
};

struct ViewTypeWords {
  static constexpr std::array<EnumWord, 3> words{
      {{"ACTIVE_ONLY", 1}, {"DELETED_ONLY", 2}, {"ALL", 3}}};
};

struct Experiment {
  std::string experiment_id;
  std::string name;
  std::string artifact_location;
  std::string lifecycle_stage;                   // "active" or "deleted"
  std::optional<std::int64_t> last_update_time;  // epoch ms
  std::optional<std::int64_t> creation_time;     // epoch ms
  std::vector<KeyValue> tags;
  std::string workspace = "default";
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &Experiment::experiment_id),
                      field("name", &Experiment::name),
                      field("artifact_location", &Experiment::artifact_location),
                      field("lifecycle_stage", &Experiment::lifecycle_stage),
                      field("last_update_time", &Experiment::last_update_time),
                      field("creation_time", &Experiment::creation_time),
                      field("tags", &Experiment::tags),
                      field("workspace", &Experiment::workspace)};
  }
};

struct ExperimentPage {
  std::vector<Experiment> experiments;
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("experiments", &ExperimentPage::experiments),
                      field("next_page_token", &ExperimentPage::next_page_token)};
  }
};

// Reading rows: the columns in the order experiment_of wants them, and the tags of one experiment.
inline constexpr std::string_view experiment_columns =
    "experiment_id, name, artifact_location, lifecycle_stage, last_update_time, creation_time, "
    "workspace";
Experiment experiment_of(const db::Rows& row);
void read_tags(db::Tx& tx, Experiment& experiment);

// Which lifecycle stages a search shows, from the wire's view_type ("ACTIVE_ONLY", "DELETED_ONLY",
// "ALL"; anything else is ACTIVE_ONLY): an SQL list, e.g. "('active')".
std::string_view stages_of(std::string_view view_type);

// Whether a number may be a max_results; throws the reference's sentence.
void check_max_results(std::int64_t max_results, std::int64_t limit);

class Experiments {
 public:
  // `default_artifact_root` is where experiments without a location of their own keep artifacts,
  // e.g. "mlflow-artifacts:/". Makes sure the experiment "Default" with id 0 exists.
  Experiments(Env& env, db::Database& database, std::string default_artifact_root);

  // The new id. RESOURCE_ALREADY_EXISTS when the name is in use, also by a deleted experiment.
  std::string create(const std::string& name,
                     const std::string& artifact_location,
                     const std::vector<KeyValue>& tags);
  Experiment get(const std::string& experiment_id);
  Experiment get_by_name(const std::string& name);
  void rename(const std::string& experiment_id, const std::string& name);
  // Soft: runs are deleted with it; restoring makes all its runs active.
  void remove(const std::string& experiment_id);
  void restore(const std::string& experiment_id);
  void set_tag(const std::string& experiment_id, const std::string& key, const std::string& value);
  void delete_tag(const std::string& experiment_id, const std::string& key);
  ExperimentPage search(std::string_view filter,
                        const std::vector<std::string>& order_by,
                        std::string_view view_type,
                        std::int64_t max_results,
                        std::string_view page_token);

 private:
  Env& env_;
  db::Database& database_;
  std::string default_artifact_root_;
};

// What other nouns of this room need of an experiment, inside their own transaction. Throws
// RESOURCE_DOES_NOT_EXIST, or INVALID_PARAMETER_VALUE when it is deleted.
struct ActiveExperiment {
  std::int64_t id = 0;
  std::string artifact_location;
};
ActiveExperiment active_experiment(db::Tx& tx, const std::string& experiment_id);

// `uri` with path parts appended, before its query: "s3://b/p?x" + "a" = "s3://b/p/a?x".
std::string append_uri_path(std::string_view uri, std::string_view tail);

}  // namespace sandbox::tracking
