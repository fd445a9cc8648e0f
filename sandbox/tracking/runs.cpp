#include "sandbox/tracking/runs.h"

#include <set>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/names.h"

namespace sandbox::tracking {
namespace {

constexpr std::string_view run_name_tag = "mlflow.runName";
constexpr std::string_view log_model_tag = "mlflow.log-model.history";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

[[noreturn]] void no_run(const std::string& run_id) {
  throw Error(Code::resource_does_not_exist, "Run with id=" + run_id + " not found");
}

// MLflow cuts long values instead of refusing them (MLFLOW_TRUNCATE_LONG_VALUES).
std::string_view cut(const std::string& value, std::size_t limit) {
  return value.size() <= limit ? std::string_view(value) : utf8_prefix(value, limit);
}

const KeyValue* find_tag(const std::vector<KeyValue>& tags, std::string_view key) {
  for (const KeyValue& tag : tags) {
    if (tag.key == key) return &tag;
  }
  return nullptr;
}

void upsert_tag(db::Tx& tx,
                const std::string& run_id,
                std::string_view key,
                std::string_view value) {
  tx.execute(
      "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?) ON CONFLICT (key, run_uuid) DO "
      "UPDATE SET value = excluded.value",
      key, value, run_id);
}

// The name and the tag mlflow.runName always say the same.
void rename_run(db::Tx& tx, const std::string& run_id, std::string_view name) {
  tx.execute("UPDATE runs SET name = ? WHERE run_uuid = ?", name, run_id);
  upsert_tag(tx, run_id, run_name_tag, name);
}

void write_tag(db::Tx& tx, const std::string& run_id, const KeyValue& tag) {
  if (tag.key != run_name_tag) {
    upsert_tag(tx, run_id, tag.key, cut(tag.value, tag_value_max));
  } else if (!tag.value.empty()) {
    rename_run(tx, run_id, cut(tag.value, tag_value_max));
  }
}

constexpr std::string_view insert_param_sql =
    "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";

// A key that was logged with another value before.
struct ChangedParam {
  std::string key;
  std::string old_value;
  std::string new_value;
};

std::optional<ChangedParam> insert_param(db::Tx& tx,
                                         const std::string& run_id,
                                         const KeyValue& param) {
  const std::string_view value = cut(param.value, param_value_max);
  if (tx.execute(insert_param_sql, param.key, value, run_id) > 0) return std::nullopt;
  db::Rows rows =
      tx.query("SELECT value FROM params WHERE key = ? AND run_uuid = ?", param.key, run_id);
  if (!rows.next() || rows.view(0) == value) return std::nullopt;
  return ChangedParam{param.key, rows.text(0), std::string(value)};
}

void check_batch(const std::vector<Metric>& metrics,
                 const std::vector<KeyValue>& params,
                 const std::vector<KeyValue>& tags) {
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    check_metric(metrics[i], "metrics[" + std::to_string(i) + "]");
  }
  for (std::size_t i = 0; i < params.size(); ++i) {
    check_entity_key("params[" + std::to_string(i) + "].key", "Param key", params[i].key);
  }
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const std::string path = "tags[" + std::to_string(i) + "].key";
    check_entity_key(path, path, tags[i].key);
  }
  const auto check_count = [](const std::string& what, std::size_t count, std::size_t limit) {
    if (count > limit) {
      refuse("A batch logging request can contain at most " + std::to_string(limit) + " " + what +
             ". Got " + std::to_string(count) + " " + what + ". Please split up " + what +
             " across multiple requests and try again.");
    }
  };
  check_count("metrics", metrics.size(), batch_metrics_max);
  check_count("params", params.size(), batch_params_max);
  check_count("tags", tags.size(), batch_tags_max);
  check_count("metrics, params, and tags", metrics.size() + params.size() + tags.size(),
              batch_entities_max);
}

void check_params_unique(const std::vector<KeyValue>& params) {
  std::set<std::string_view> seen;
  std::vector<std::string> twice;
  for (const KeyValue& param : params) {
    if (!seen.insert(param.key).second) twice.push_back("'" + param.key + "'");
  }
  if (!twice.empty()) {
    refuse("Duplicate parameter keys have been submitted: [" + join(twice, ", ") +
           "]. Please ensure the request contains only one param value per param key.");
  }
}

void insert_params(db::Tx& tx, const std::string& run_id, const std::vector<KeyValue>& params) {
  std::vector<std::vector<db::Value>> rows;
  rows.reserve(params.size());
  for (const KeyValue& param : params) {
    rows.push_back({param.key, cut(param.value, param_value_max), run_id});
  }
  const std::int64_t added = tx.execute_many(insert_param_sql, rows);
  if (added == static_cast<std::int64_t>(params.size())) return;
  // Some were there before: they must have the same values.
  std::string changed;
  for (const KeyValue& param : params) {
    if (const auto change = insert_param(tx, run_id, param)) {
      changed += (changed.empty() ? "" : ", ") + std::string("{'key': '") + change->key +
                 "', 'old_value': '" + change->old_value + "', 'new_value': '" + change->new_value +
                 "'}";
    }
  }
  if (!changed.empty()) {
    refuse("Changing param values is not allowed. Params were already logged='[" + changed +
           "]' for run ID='" + run_id + "'.");
  }
}

void set_stage(db::Tx& tx,
               const std::string& run_id,
               std::string_view stage,
               const db::Value& deleted) {
  if (tx.execute("UPDATE runs SET lifecycle_stage = ?, deleted_time = ? WHERE run_uuid = ?", stage,
                 deleted, run_id) == 0) {
    no_run(run_id);
  }
}

// What the history tag keeps of a model: its place, its time, its flavors without their config.
std::string model_summary(const JsonView& model) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  for (const std::string_view name :
       {"run_id", "artifact_path", "utc_time_created", "model_uuid"}) {
    writer.name(name);
    const auto value = model.member(name);
    writer.raw(value ? value->dump() : "null");
  }
  writer.name("flavors");
  writer.begin_object();
  const JsonView flavors = *model.member("flavors");
  for (const std::string& flavor : flavors.names()) {
    const JsonView settings = *flavors.member(flavor);
    writer.name(flavor);
    if (!settings.is_object()) {
      writer.raw(settings.dump());
      continue;
    }
    writer.begin_object();
    for (const std::string& name : settings.names()) {
      if (name == "config") continue;
      writer.name(name);
      writer.raw(settings.member(name)->dump());
    }
    writer.end_object();
  }
  writer.end_object();
  writer.end_object();
  return out;
}

}  // namespace

Run Runs::create(const NewRun& in) {
  if (in.experiment_id.empty()) {
    throw Error(Code::bad_request, "A run needs an experiment_id; '0' is the experiment Default.");
  }
  Run run;
  const KeyValue* name_tag = find_tag(in.tags, run_name_tag);
  if (!in.run_name.empty() && name_tag != nullptr && name_tag->value != in.run_name) {
    refuse(
        "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
        "values (run_name='" +
        in.run_name + "', mlflow.runName='" + name_tag->value + "').");
  }
  run.info.run_name = !in.run_name.empty()  ? in.run_name
                      : name_tag != nullptr ? name_tag->value
                                            : "";
  if (run.info.run_name.empty()) run.info.run_name = generate_run_name(env_);
  run.info.run_id = run.info.run_uuid = env_.new_id();
  run.info.user_id = in.user_id;
  run.info.status = "RUNNING";
  run.info.start_time = in.start_time;
  run.info.lifecycle_stage = "active";
  std::set<std::string_view> seen;
  for (const KeyValue& tag : in.tags) {
    if (!seen.insert(tag.key).second) {
      throw Error(Code::bad_request,
                  "The tag '" + tag.key + "' is given twice. Give each tag once.");
    }
    run.data.tags.push_back({tag.key, std::string(cut(tag.value, tag_value_max))});
  }
  if (name_tag == nullptr) run.data.tags.push_back({std::string(run_name_tag), run.info.run_name});
  database_.write([&](db::Tx& tx) {
    const ActiveExperiment experiment = active_experiment(tx, in.experiment_id);
    run.info.experiment_id = std::to_string(experiment.id);
    run.info.artifact_uri =
        append_uri_path(experiment.artifact_location, run.info.run_id + "/artifacts");
    tx.execute(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, "
        "status, start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) VALUES "
        "(?, ?, 'UNKNOWN', '', '', ?, 'RUNNING', ?, '', 'active', ?, ?)",
        run.info.run_id, run.info.run_name, in.user_id, in.start_time, run.info.artifact_uri,
        experiment.id);
    for (const KeyValue& tag : run.data.tags) upsert_tag(tx, run.info.run_id, tag.key, tag.value);
  });
  return run;
}

Run Runs::get(const std::string& run_id) {
  return database_.read([&](db::Tx& tx) { return read_run(tx, run_id); });
}

RunInfo Runs::update(const std::string& run_id, const RunUpdate& update) {
  return database_.write([&](db::Tx& tx) {
    active_run(tx, run_id);
    if (update.status) {
      tx.execute("UPDATE runs SET status = ? WHERE run_uuid = ?", *update.status, run_id);
    }
    if (update.end_time) {
      tx.execute("UPDATE runs SET end_time = ? WHERE run_uuid = ?", *update.end_time, run_id);
    }
    if (!update.run_name.empty()) rename_run(tx, run_id, update.run_name);
    return read_run_info(tx, run_id);
  });
}

void Runs::remove(const std::string& run_id) {
  const std::int64_t now = env_.now_ms();
  database_.write([&](db::Tx& tx) { set_stage(tx, run_id, "deleted", now); });
}

void Runs::restore(const std::string& run_id) {
  database_.write([&](db::Tx& tx) {
    tx.lock(trash_lock);
    if (tx.query("SELECT 1 FROM tags WHERE run_uuid = ? AND key = ?", run_id, purging_tag).next()) {
      refuse("Run '" + run_id + "' is being permanently deleted and cannot be restored.");
    }
    set_stage(tx, run_id, "active", nullptr);
  });
}

void Runs::log_param(const std::string& run_id, const std::string& key, const std::string& value) {
  check_entity_key("key", "Param key", key);
  database_.write([&](db::Tx& tx) {
    active_run(tx, run_id);
    if (const auto change = insert_param(tx, run_id, {key, value})) {
      refuse("Changing param values is not allowed. Param with key='" + key +
             "' was already logged with value='" + change->old_value + "' for run ID='" + run_id +
             "'. Attempted logging new value '" + change->new_value + "'.");
    }
  });
}

void Runs::set_tag(const std::string& run_id, const std::string& key, const std::string& value) {
  check_entity_key("key", "key", key);
  database_.write([&](db::Tx& tx) {
    active_run(tx, run_id);
    write_tag(tx, run_id, {key, value});
  });
}

void Runs::delete_tag(const std::string& run_id, const std::string& key) {
  database_.write([&](db::Tx& tx) {
    active_run(tx, run_id);
    if (tx.execute("DELETE FROM tags WHERE key = ? AND run_uuid = ?", key, run_id) == 0) {
      throw Error(Code::resource_does_not_exist,
                  "No tag with name: " + key + " in run with id " + run_id);
    }
  });
}

void Runs::log_batch(const std::string& run_id,
                     const std::vector<Metric>& metrics,
                     const std::vector<KeyValue>& params,
                     const std::vector<KeyValue>& tags) {
  check_batch(metrics, params, tags);
  check_params_unique(params);
  database_.write([&](db::Tx& tx) {
    const ActiveRun run = active_run(tx, run_id);
    insert_params(tx, run_id, params);
    insert_metrics(tx, run_id, run, metrics);
    for (const KeyValue& tag : tags) write_tag(tx, run_id, tag);
  });
}

void Runs::log_model(const std::string& run_id, const std::string& model_json) {
  std::optional<JsonDocument> document;
  try {
    document.emplace(model_json);
  } catch (const Error&) {
    refuse("Malformed model info. \n " + model_json + " \n is not a valid JSON.");
  }
  const JsonView model = document->root();
  std::vector<std::string> missing;
  for (const std::string_view name : {"artifact_path", "flavors", "utc_time_created", "run_id"}) {
    if (!model.member(name)) missing.push_back("'" + std::string(name) + "'");
  }
  if (!missing.empty()) {
    refuse("Model json is missing mandatory fields: {" + join(missing, ", ") + "}");
  }
  if (!model.member("flavors")->is_object()) refuse("The model's 'flavors' must be a JSON object.");
  const std::string summary = model_summary(model);
  database_.write([&](db::Tx& tx) {
    tx.lock("models of run " + run_id);
    active_run(tx, run_id);
    std::string history;
    {
      db::Rows rows =
          tx.query("SELECT value FROM tags WHERE key = ? AND run_uuid = ?", log_model_tag, run_id);
      if (rows.next()) history = rows.text(0);
    }
    const std::string_view kept = trim(history);
    const bool extends = kept.size() > 2 && kept.front() == '[' && kept.back() == ']';
    const std::string value =
        extends ? std::string(kept.substr(0, kept.size() - 1)) + ", " + summary + "]"
                : "[" + summary + "]";
    upsert_tag(tx, run_id, log_model_tag, value);
  });
}

}  // namespace sandbox::tracking
