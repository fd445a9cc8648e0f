// Logged models: a model's own entry beside the run that made it, with params, tags and metrics.
// Source of the rules: MLflow 3.17's tracking store (store/tracking/sqlalchemy_store.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::tracking {

struct LoggedModelMetric {
  std::string key;
  double value = 0;
  std::int64_t timestamp = 0;  // epoch ms
  std::int64_t step = 0;
  std::optional<std::string> dataset_name;
  std::optional<std::string> dataset_digest;
  std::string model_id;
  std::string run_id;  // the run that logged it
  static constexpr auto fields() {
    return std::tuple{field("key", &LoggedModelMetric::key),
                      field("value", &LoggedModelMetric::value),
                      field("timestamp", &LoggedModelMetric::timestamp),
                      field("step", &LoggedModelMetric::step),
                      field("dataset_name", &LoggedModelMetric::dataset_name),
                      field("dataset_digest", &LoggedModelMetric::dataset_digest),
                      field("model_id", &LoggedModelMetric::model_id),
                      field("run_id", &LoggedModelMetric::run_id)};
  }
};

struct LoggedModelInfo {
  std::string model_id;
  std::string experiment_id;
  std::string name;
  std::int64_t creation_timestamp_ms = 0;
  std::int64_t last_updated_timestamp_ms = 0;
  std::string artifact_uri;
  std::string status;  // "LOGGED_MODEL_PENDING" and its like
  std::optional<std::string> model_type;
  std::optional<std::string> source_run_id;
  std::optional<std::string> status_message;
  std::vector<KeyValue> tags;  // in order of keys
  static constexpr auto fields() {
    return std::tuple{
        field("model_id", &LoggedModelInfo::model_id),
        field("experiment_id", &LoggedModelInfo::experiment_id),
        field("name", &LoggedModelInfo::name),
        field("creation_timestamp_ms", &LoggedModelInfo::creation_timestamp_ms),
        field("last_updated_timestamp_ms", &LoggedModelInfo::last_updated_timestamp_ms),
        field("artifact_uri", &LoggedModelInfo::artifact_uri),
        field("status", &LoggedModelInfo::status),
        field("model_type", &LoggedModelInfo::model_type),
        field("source_run_id", &LoggedModelInfo::source_run_id),
        field("status_message", &LoggedModelInfo::status_message),
        field("tags", &LoggedModelInfo::tags)};
  }
};

struct LoggedModelData {
  std::vector<KeyValue> params;  // in order of keys
  std::vector<LoggedModelMetric> metrics;
  static constexpr auto fields() {
    return std::tuple{field("params", &LoggedModelData::params),
                      field("metrics", &LoggedModelData::metrics)};
  }
};

struct LoggedModel {
  LoggedModelInfo info;
  LoggedModelData data;
  static constexpr auto fields() {
    return std::tuple{field("info", &LoggedModel::info), field("data", &LoggedModel::data)};
  }
};

struct NewLoggedModel {
  std::string experiment_id;
  std::string name;  // "" : generated
  std::string model_type;
  std::string source_run_id;
  std::vector<KeyValue> params;
  std::vector<KeyValue> tags;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &NewLoggedModel::experiment_id),
                      field("name", &NewLoggedModel::name, "Without / : . % \" and '."),
                      field("model_type", &NewLoggedModel::model_type),
                      field("source_run_id", &NewLoggedModel::source_run_id),
                      field("params", &NewLoggedModel::params),
                      field("tags", &NewLoggedModel::tags)};
  }
};

struct LoggedModelDataset {
  std::string dataset_name;
  std::string dataset_digest;
  static constexpr auto fields() {
    return std::tuple{field("dataset_name", &LoggedModelDataset::dataset_name),
                      field("dataset_digest", &LoggedModelDataset::dataset_digest)};
  }
};

struct LoggedModelOrder {
  std::string field_name;  // an attribute or metrics.<key>
  bool ascending = true;
  std::string dataset_name;    // "" : metrics of every dataset
  std::string dataset_digest;  // likewise
  static constexpr auto fields() {
    return std::tuple{field("field_name", &LoggedModelOrder::field_name),
                      field("ascending", &LoggedModelOrder::ascending),
                      field("dataset_name", &LoggedModelOrder::dataset_name),
                      field("dataset_digest", &LoggedModelOrder::dataset_digest)};
  }
};

struct SearchLoggedModels {
  std::vector<std::string> experiment_ids;
  std::string filter;
  std::vector<LoggedModelDataset> datasets;  // restrict the filter's metric clauses
  std::int64_t max_results = 0;              // 0 : the default
  std::vector<LoggedModelOrder> order_by;
  std::string page_token;
  static constexpr auto fields() {
    return std::tuple{
        required("experiment_ids", &SearchLoggedModels::experiment_ids),
        field("filter", &SearchLoggedModels::filter, "e.g. metrics.acc > 0.9 AND params.lr = '1'"),
        field("datasets", &SearchLoggedModels::datasets),
        field("max_results", &SearchLoggedModels::max_results, "100 unless told."),
        field("order_by", &SearchLoggedModels::order_by, "Newest first unless told."),
        field("page_token", &SearchLoggedModels::page_token)};
  }
};

struct LoggedModelPage {
  std::vector<LoggedModel> models;
  std::optional<std::string> next_page_token;
  static constexpr auto fields() {
    return std::tuple{field("models", &LoggedModelPage::models),
                      field("next_page_token", &LoggedModelPage::next_page_token)};
  }
};

// Every method may be called from every thread. RESOURCE_DOES_NOT_EXIST for an unknown model;
// deleting is soft, and a deleted model can still be written to, as in the reference.
class LoggedModels {
 public:
  LoggedModels(Env& env, db::Database& database) : env_(env), database_(database) {}

  // INVALID_PARAMETER_VALUE for a name that breaks the rules and for a deleted experiment,
  // BAD_REQUEST when a param or tag key comes twice.
  LoggedModel create(const NewLoggedModel& in);
  LoggedModel get(const std::string& model_id, bool allow_deleted = false);
  // Statuses: 0 unspecified, 1 pending, 2 ready, 3 upload failed.
  LoggedModel finalize(const std::string& model_id, std::int64_t status);
  void remove(const std::string& model_id);
  // BAD_REQUEST for a key the model has already, also with the same value.
  void log_params(const std::string& model_id, const std::vector<KeyValue>& params);
  // The last one of a key that comes twice counts.
  void set_tags(const std::string& model_id, const std::vector<KeyValue>& tags);
  // RESOURCE_DOES_NOT_EXIST when the model has no such tag.
  void delete_tag(const std::string& model_id, const std::string& key);
  LoggedModelPage search(const SearchLoggedModels& in);

 private:
  Env& env_;
  db::Database& database_;
};

// Rows to models, for this room: the columns in the order logged_model_of wants them.
inline constexpr std::string_view logged_model_columns =
    "model_id, experiment_id, name, creation_timestamp_ms, last_updated_timestamp_ms, "
    "artifact_location, status, model_type, source_run_id, status_message";
LoggedModel logged_model_of(const db::Rows& row);
// Fills tags, params and metrics of models whose info is known, in a few queries for all of them.
void read_logged_model_details(db::Tx& tx, std::vector<LoggedModel>& models);

// 0 to 3, nullopt for another word: "READY" and "LOGGED_MODEL_READY" are 2.
std::optional<std::int64_t> logged_model_status(std::string_view word);

// Text as Python's repr shows it in the reference's sentences.
std::string python_text(std::string_view text);

}  // namespace sandbox::tracking
