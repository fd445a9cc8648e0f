#include "sandbox/tracking/logged_models.h"

#include <array>
#include <unordered_map>

#include "sandbox/base/error.h"
#include "sandbox/tracking/runs.h"

namespace sandbox::tracking {
namespace {

constexpr std::array<std::string_view, 4> status_names{"LOGGED_MODEL_STATUS_UNSPECIFIED",
                                                       "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY",
                                                       "LOGGED_MODEL_UPLOAD_FAILED"};
constexpr std::array<std::string_view, 4> status_words{"UNSPECIFIED", "PENDING", "READY", "FAILED"};
constexpr std::int64_t pending = 1;

// Models whose details one query reads; a fixed number keeps the SQL text the same.
constexpr std::size_t details_batch = 50;

void check_logged_model_name(std::string_view name) {
  if (name.find_first_of("/:.%\"'") == std::string_view::npos) return;
  throw Error(Code::invalid_parameter_value,
              "Invalid model name (" + python_text(name) +
                  ") provided. Model name must be a non-empty string and cannot contain the "
                  "following characters: ('/', ':', '.', '%', '\"', \"'\")");
}

[[noreturn]] void no_model(const std::string& model_id) {
  throw Error(Code::resource_does_not_exist, "Logged model with ID '" + model_id + "' not found.");
}

// Deleted models count.
std::int64_t experiment_of_model(db::Tx& tx, const std::string& model_id) {
  db::Rows rows = tx.query("SELECT experiment_id FROM logged_models WHERE model_id = ?", model_id);
  if (!rows.next()) no_model(model_id);
  return rows.integer(0);
}

void insert_params(db::Tx& tx,
                   const std::string& model_id,
                   std::int64_t experiment_id,
                   const std::vector<KeyValue>& params) {
  for (const KeyValue& param : params) {
    if (tx.execute(
            "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) "
            "VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            model_id, experiment_id, param.key, param.value) == 0) {
      throw Error(Code::bad_request, "The param " + python_text(param.key) +
                                         " of the logged model '" + model_id +
                                         "' was logged already. Params cannot be changed.");
    }
  }
}

void upsert_tag(db::Tx& tx,
                const std::string& model_id,
                std::int64_t experiment_id,
                const KeyValue& tag) {
  tx.execute(
      "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES (?, ?, "
      "?, ?) ON CONFLICT (model_id, tag_key) DO UPDATE SET tag_value = excluded.tag_value",
      model_id, experiment_id, tag.key, tag.value);
}

void check_tags_differ(const std::vector<KeyValue>& tags) {
  std::unordered_map<std::string_view, bool> seen;
  for (const KeyValue& tag : tags) {
    if (!seen.emplace(tag.key, true).second) {
      throw Error(Code::bad_request,
                  "The tag " + python_text(tag.key) + " was given twice. Give each tag once.");
    }
  }
}

LoggedModel read_model(db::Tx& tx, const std::string& model_id, bool allow_deleted) {
  std::vector<LoggedModel> models;
  {
    db::Rows rows = tx.query("SELECT " + std::string(logged_model_columns) +
                                 ", lifecycle_stage FROM logged_models WHERE model_id = ?",
                             model_id);
    if (!rows.next() || (!allow_deleted && rows.view(10) == "deleted")) no_model(model_id);
    models.push_back(logged_model_of(rows));
  }
  read_logged_model_details(tx, models);
  return std::move(models.front());
}

}  // namespace

std::string python_text(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') out += '\\';
    out += c;
  }
  return out + quote;
}

std::optional<std::int64_t> logged_model_status(std::string_view word) {
  for (std::size_t i = 0; i < status_names.size(); ++i) {
    if (word == status_names.at(i) || word == status_words.at(i) || word == std::to_string(i)) {
      return static_cast<std::int64_t>(i);
    }
  }
  return std::nullopt;
}

LoggedModel logged_model_of(const db::Rows& row) {
  LoggedModel model;
  LoggedModelInfo& info = model.info;
  info.model_id = row.text(0);
  info.experiment_id = std::to_string(row.integer(1));
  info.name = row.text(2);
  info.creation_timestamp_ms = row.integer(3);
  info.last_updated_timestamp_ms = row.integer(4);
  info.artifact_uri = row.text(5);
  const auto status = static_cast<std::size_t>(row.integer(6));
  info.status = status_names.at(status < status_names.size() ? status : 0);
  info.model_type = row.maybe_text(7);
  info.source_run_id = row.maybe_text(8);
  info.status_message = row.maybe_text(9);
  return model;
}

void read_logged_model_details(db::Tx& tx, std::vector<LoggedModel>& models) {
  std::string marks = "?";
  for (std::size_t i = 1; i < details_batch; ++i) marks += ",?";
  const std::string tags_sql =
      "SELECT model_id, tag_key, tag_value FROM logged_model_tags WHERE "
      "model_id IN (" +
      marks + ") ORDER BY model_id, tag_key";
  const std::string params_sql =
      "SELECT model_id, param_key, param_value FROM logged_model_params WHERE model_id IN (" +
      marks + ") ORDER BY model_id, param_key";
  // Metrics come as the database keeps them, which is the order of logging, as in the reference.
  const std::string metrics_sql =
      "SELECT model_id, metric_name, metric_value, metric_timestamp_ms, metric_step, dataset_name, "
      "dataset_digest, run_id FROM logged_model_metrics WHERE model_id IN (" +
      marks + ")";
  for (std::size_t start = 0; start < models.size(); start += details_batch) {
    std::unordered_map<std::string_view, LoggedModel*> by_id;
    std::vector<db::Value> ids;
    for (std::size_t i = start; i < start + details_batch; ++i) {
      LoggedModel& model = models[std::min(i, models.size() - 1)];
      by_id.emplace(model.info.model_id, &model);
      ids.emplace_back(model.info.model_id);
    }
    for (db::Rows rows = tx.query_values(tags_sql, ids); rows.next();) {
      by_id.at(rows.view(0))->info.tags.push_back({rows.text(1), rows.text(2)});
    }
    for (db::Rows rows = tx.query_values(params_sql, ids); rows.next();) {
      by_id.at(rows.view(0))->data.params.push_back({rows.text(1), rows.text(2)});
    }
    for (db::Rows rows = tx.query_values(metrics_sql, ids); rows.next();) {
      by_id.at(rows.view(0))
          ->data.metrics.push_back({rows.text(1), rows.real(2), rows.integer(3), rows.integer(4),
                                    rows.maybe_text(5), rows.maybe_text(6), rows.text(0),
                                    rows.text(7)});
    }
  }
}

LoggedModel LoggedModels::create(const NewLoggedModel& in) {
  check_logged_model_name(in.name);
  check_tags_differ(in.tags);
  const std::string model_id = "m-" + env_.new_id();
  const std::string name = in.name.empty() ? generate_run_name(env_) : in.name;
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    const ActiveExperiment experiment = active_experiment(tx, in.experiment_id);
    const std::string location =
        append_uri_path(experiment.artifact_location, "models/" + model_id + "/artifacts");
    tx.execute(
        "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, "
        "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, "
        "source_run_id) VALUES (?, ?, ?, ?, ?, ?, ?, 'active', ?, ?)",
        model_id, experiment.id, name, location, now, now, pending, in.model_type,
        in.source_run_id);
    insert_params(tx, model_id, experiment.id, in.params);
    for (const KeyValue& tag : in.tags) upsert_tag(tx, model_id, experiment.id, tag);
    return read_model(tx, model_id, false);
  });
}

LoggedModel LoggedModels::get(const std::string& model_id, bool allow_deleted) {
  return database_.read([&](db::Tx& tx) { return read_model(tx, model_id, allow_deleted); });
}

LoggedModel LoggedModels::finalize(const std::string& model_id, std::int64_t status) {
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    tx.execute(
        "UPDATE logged_models SET status = ?, last_updated_timestamp_ms = ? WHERE model_id = ?",
        status, now, model_id);
    return read_model(tx, model_id, true);
  });
}

void LoggedModels::remove(const std::string& model_id) {
  const std::int64_t now = env_.now_ms();
  database_.write([&](db::Tx& tx) {
    if (tx.execute("UPDATE logged_models SET lifecycle_stage = 'deleted', "
                   "last_updated_timestamp_ms = ? WHERE model_id = ?",
                   now, model_id) == 0) {
      no_model(model_id);
    }
  });
}

void LoggedModels::log_params(const std::string& model_id, const std::vector<KeyValue>& params) {
  database_.write(
      [&](db::Tx& tx) { insert_params(tx, model_id, experiment_of_model(tx, model_id), params); });
}

void LoggedModels::set_tags(const std::string& model_id, const std::vector<KeyValue>& tags) {
  database_.write([&](db::Tx& tx) {
    const std::int64_t experiment_id = experiment_of_model(tx, model_id);
    for (const KeyValue& tag : tags) upsert_tag(tx, model_id, experiment_id, tag);
  });
}

void LoggedModels::delete_tag(const std::string& model_id, const std::string& key) {
  database_.write([&](db::Tx& tx) {
    experiment_of_model(tx, model_id);
    if (tx.execute("DELETE FROM logged_model_tags WHERE model_id = ? AND tag_key = ?", model_id,
                   key) == 0) {
      throw Error(
          Code::resource_does_not_exist,
          "No tag with key " + python_text(key) + " found for model with ID '" + model_id + "'.");
    }
  });
}

}  // namespace sandbox::tracking
