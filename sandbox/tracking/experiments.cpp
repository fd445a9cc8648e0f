#include "sandbox/tracking/experiments.h"

#include <algorithm>
#include <filesystem>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/tracking/names.h"

namespace sandbox::tracking {
namespace {

[[noreturn]] void no_experiment(std::string_view id) {
  throw Error(Code::resource_does_not_exist,
              "No Experiment with id=" + std::string(id) + " exists");
}

std::string stage_of(db::Tx& tx, const std::string& experiment_id) {
  db::Rows rows = tx.query("SELECT lifecycle_stage FROM experiments WHERE experiment_id = ?",
                           parse_experiment_id(experiment_id));
  if (!rows.next()) no_experiment(experiment_id);
  return rows.text(0);
}

void check_name(const std::string& name) {
  check_length("name", name, experiment_name_max);
}

void check_tag(const std::string& key, const std::string& value) {
  check_entity_key("key", "key", key);
  check_length("value", value, experiment_tag_value_max);
}

// The location as it is stored; a local path becomes absolute, as in the reference.
std::string checked_location(const std::string& location) {
  if (location.empty()) return location;
  if (utf8_length(location) > artifact_location_max) {
    throw Error(Code::invalid_parameter_value,
                "Invalid artifact path length. The length of the artifact path cannot be greater "
                "than " +
                    std::to_string(artifact_location_max) +
                    " characters. To configure this limit, please set the "
                    "MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.");
  }
  if (location.starts_with("runs:")) {
    throw Error(Code::invalid_parameter_value,
                "Artifact location cannot be a runs:/ URI. Given: '" + location + "'");
  }
  if (location.find_first_of("#;") != std::string::npos) {
    throw Error(Code::invalid_parameter_value,
                "'artifact_location' URL can't include fragments or params.");
  }
  if (location.find('\0') != std::string::npos) {
    throw Error(Code::invalid_parameter_value, "'artifact_location' must not contain NUL.");
  }
  const std::size_t query = location.find('?');
  if (query != std::string::npos && location.find("..", query) != std::string::npos) {
    throw Error(Code::invalid_parameter_value,
                "Invalid query string: '..' is not allowed in the "
                "artifact location '" +
                    location + "'.");
  }
  if (location.find(":/") != std::string::npos) return location;
  return std::filesystem::absolute(location).lexically_normal().string();
}

void update_stage(db::Tx& tx,
                  const std::string& experiment_id,
                  std::string_view from,
                  std::string_view to,
                  std::int64_t now) {
  if (stage_of(tx, experiment_id) != from) no_experiment(experiment_id);
  const std::int64_t id = parse_experiment_id(experiment_id);
  tx.execute(
      "UPDATE experiments SET lifecycle_stage = ?, last_update_time = ? WHERE experiment_id = ?",
      to, now, id);
  const db::Value deleted_time = to == "deleted" ? db::Value(now) : db::Value(nullptr);
  // A run whose removal has begun stays deleted when its experiment comes back.
  tx.execute(
      "UPDATE runs SET lifecycle_stage = ?, deleted_time = ? WHERE experiment_id = ? AND NOT "
      "EXISTS "
      "(SELECT 1 FROM tags WHERE tags.run_uuid = runs.run_uuid AND tags.key = ?)",
      to, deleted_time, id, purging_tag);
}

}  // namespace

Experiment experiment_of(const db::Rows& row) {
  Experiment experiment;
  experiment.experiment_id = row.text(0);
  experiment.name = row.text(1);
  experiment.artifact_location = row.text(2);
  experiment.lifecycle_stage = row.text(3);
  experiment.last_update_time = row.maybe_integer(4);
  experiment.creation_time = row.maybe_integer(5);
  experiment.workspace = row.text(6);
  return experiment;
}

void read_tags(db::Tx& tx, Experiment& experiment) {
  db::Rows rows = tx.query("SELECT key, value FROM experiment_tags WHERE experiment_id = ?",
                           parse_experiment_id(experiment.experiment_id));
  while (rows.next()) experiment.tags.push_back({rows.text(0), rows.text(1)});
}

std::string_view stages_of(std::string_view view_type) {
  if (view_type == "DELETED_ONLY") return "('deleted')";
  if (view_type == "ALL") return "('active', 'deleted')";
  return "('active')";
}

void check_max_results(std::int64_t max_results, std::int64_t limit) {
  if (max_results < 1) {
    throw Error(Code::invalid_parameter_value,
                "Invalid value " + std::to_string(max_results) +
                    " for parameter 'max_results' supplied. It must be a positive integer");
  }
  if (max_results > limit) {
    throw Error(Code::invalid_parameter_value,
                "Invalid value " + std::to_string(max_results) +
                    " for parameter 'max_results' supplied. It must be at most " +
                    std::to_string(limit));
  }
}

std::string append_uri_path(std::string_view uri, std::string_view tail) {
  const std::size_t query = uri.find('?');
  std::string_view path = uri.substr(0, query);
  const std::string_view rest = query == std::string_view::npos ? "" : uri.substr(query);
  while (path.ends_with('/') && !path.ends_with(":/")) path.remove_suffix(1);
  std::string out(path);
  if (!out.ends_with('/')) out += '/';
  return out.append(tail).append(rest);
}

ActiveExperiment active_experiment(db::Tx& tx, const std::string& experiment_id) {
  db::Rows rows = tx.query(
      "SELECT experiment_id, artifact_location, lifecycle_stage FROM experiments WHERE "
      "experiment_id = ?",
      parse_experiment_id(experiment_id));
  if (!rows.next()) no_experiment(experiment_id);
  if (rows.view(2) != "active") {
    throw Error(Code::invalid_parameter_value, "The experiment " + experiment_id +
                                                   " must be in the 'active' state. Current state "
                                                   "is " +
                                                   rows.text(2) + ".");
  }
  return {rows.integer(0), rows.text(1)};
}

Experiments::Experiments(Env& env, db::Database& database, std::string default_artifact_root)
    : env_(env), database_(database), default_artifact_root_(std::move(default_artifact_root)) {
  const std::int64_t now = env_.now_ms();
  database_.write([&](db::Tx& tx) {
    if (tx.query("SELECT 1 FROM experiments LIMIT 1").next()) return;
    tx.lock("Default experiment");
    if (tx.query("SELECT 1 FROM experiments LIMIT 1").next()) return;
    const std::string location = append_uri_path(default_artifact_root_, "0");
    tx.execute(
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
        "creation_time, last_update_time, workspace) VALUES (0, 'Default', ?, 'active', ?, ?, "
        "'default')",
        location, now, now);
  });
}

std::string Experiments::create(const std::string& name,
                                const std::string& artifact_location,
                                const std::vector<KeyValue>& tags) {
  check_name(name);
  for (const KeyValue& tag : tags) check_tag(tag.key, tag.value);
  const std::string location = checked_location(artifact_location);
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    if (tx.query("SELECT 1 FROM experiments WHERE workspace = 'default' AND name = ?", name)
            .next()) {
      throw Error(Code::resource_already_exists,
                  "Experiment(name=" + name +
                      ") already exists. Choose another name; a deleted "
                      "experiment keeps its name until it is removed for good.");
    }
    std::int64_t id = 0;
    {
      db::Rows rows = tx.query(
          "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, "
          "last_update_time, workspace) VALUES (?, ?, 'active', ?, ?, 'default') RETURNING "
          "experiment_id",
          name, location, now, now);
      rows.next();
      id = rows.integer(0);
      rows.next();
    }
    std::string text = std::to_string(id);
    if (location.empty()) {
      const std::string own = append_uri_path(default_artifact_root_, text);
      tx.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", own, id);
    }
    for (const KeyValue& tag : tags) {
      const std::int64_t added = tx.execute(
          "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?) ON CONFLICT DO "
          "NOTHING",
          tag.key, tag.value, id);
      if (added == 0) {
        throw Error(Code::resource_already_exists,
                    "The tag '" + tag.key + "' is given twice. Give each tag once.");
      }
    }
    return text;
  });
}

Experiment Experiments::get(const std::string& experiment_id) {
  const std::int64_t id = parse_experiment_id(experiment_id);
  return database_.read([&](db::Tx& tx) {
    static const std::string sql =
        "SELECT " + std::string(experiment_columns) + " FROM experiments WHERE experiment_id = ?";
    db::Rows rows = tx.query(sql, id);
    if (!rows.next()) no_experiment(experiment_id);
    Experiment experiment = experiment_of(rows);
    read_tags(tx, experiment);
    return experiment;
  });
}

Experiment Experiments::get_by_name(const std::string& name) {
  return database_.read([&](db::Tx& tx) {
    static const std::string sql = "SELECT " + std::string(experiment_columns) +
                                   " FROM experiments WHERE workspace = 'default' AND name = ?";
    db::Rows rows = tx.query(sql, name);
    if (!rows.next()) {
      throw Error(Code::resource_does_not_exist,
                  "Could not find experiment with name '" + name + "'");
    }
    Experiment experiment = experiment_of(rows);
    read_tags(tx, experiment);
    return experiment;
  });
}

void Experiments::rename(const std::string& experiment_id, const std::string& name) {
  check_name(name);
  const std::int64_t id = parse_experiment_id(experiment_id);
  const std::int64_t now = env_.now_ms();
  database_.write([&](db::Tx& tx) {
    if (stage_of(tx, experiment_id) != "active") {
      throw Error(Code::invalid_state, "Cannot rename a non-active experiment.");
    }
    if (tx.query("SELECT 1 FROM experiments WHERE workspace = 'default' AND name = ? AND "
                 "experiment_id <> ?",
                 name, id)
            .next()) {
      throw Error(Code::bad_request, "The name '" + name +
                                         "' belongs to another experiment "
                                         "(UNIQUE constraint failed: experiments.name).");
    }
    tx.execute("UPDATE experiments SET name = ?, last_update_time = ? WHERE experiment_id = ?",
               name, now, id);
  });
}

void Experiments::remove(const std::string& experiment_id) {
  const std::int64_t now = env_.now_ms();
  database_.write([&](db::Tx& tx) { update_stage(tx, experiment_id, "active", "deleted", now); });
}

void Experiments::restore(const std::string& experiment_id) {
  const std::int64_t now = env_.now_ms();
  database_.write([&](db::Tx& tx) {
    tx.lock(trash_lock);
    if (tx.query("SELECT 1 FROM experiment_tags WHERE experiment_id = ? AND key = ?",
                 parse_experiment_id(experiment_id), purging_tag)
            .next()) {
      throw Error(Code::invalid_parameter_value,
                  "Experiment '" + experiment_id +
                      "' is being permanently deleted and cannot be restored.");
    }
    update_stage(tx, experiment_id, "deleted", "active", now);
  });
}

void Experiments::set_tag(const std::string& experiment_id,
                          const std::string& key,
                          const std::string& value) {
  check_tag(key, value);
  database_.write([&](db::Tx& tx) {
    const std::int64_t id = active_experiment(tx, experiment_id).id;
    tx.execute(
        "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?) ON CONFLICT "
        "(key, "
        "experiment_id) DO UPDATE SET value = excluded.value",
        key, value, id);
  });
}

void Experiments::delete_tag(const std::string& experiment_id, const std::string& key) {
  database_.write([&](db::Tx& tx) {
    const std::int64_t id = active_experiment(tx, experiment_id).id;
    if (tx.execute("DELETE FROM experiment_tags WHERE key = ? AND experiment_id = ?", key, id) ==
        0) {
      throw Error(Code::resource_does_not_exist,
                  "No tag with name: " + key + " in experiment with id " + experiment_id);
    }
  });
}

}  // namespace sandbox::tracking
