#include "sandbox/registry/model_versions.h"

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/registry/names.h"
#include "sandbox/registry/registered_models.h"
#include "sandbox/tracking/names.h"

namespace sandbox::registry {
namespace {

void touch_model(db::Tx& tx, std::string_view name, std::int64_t now) {
  tx.execute(
      "UPDATE registered_models SET last_updated_time = ? WHERE workspace = 'default' AND name = ?",
      now, name);
}

void write_tag(db::Tx& tx, std::string_view name, std::int64_t version, const Tag& tag) {
  tx.execute(
      "INSERT INTO model_version_tags (workspace, name, version, key, value) VALUES ('default', ?, "
      "?, ?, ?) ON CONFLICT (workspace, key, name, version) DO UPDATE SET value = excluded.value",
      name, version, tag.key, tag.value);
}

std::int64_t next_version(db::Tx& tx, std::string_view name) {
  db::Rows rows = tx.query(
      "SELECT MAX(version) FROM model_versions WHERE workspace = 'default' AND name = ?", name);
  rows.next();
  return rows.integer(0) + 1;  // no rows: NULL reads as 0
}

std::string version_item(const std::string& name, std::int64_t version) {
  return "{\"name\": " + tracking::quoted(name) + ", \"version\": " + std::to_string(version) + "}";
}

// The tag's value with one more version: a JSON list of {"name": …, "version": <number>}.
std::string with_version(const std::string& list, const std::string& name, std::int64_t version) {
  std::string items;
  const JsonDocument document(list.empty() ? "[]" : list);
  const JsonView root = document.root();
  for (std::size_t i = 0; root.is_array() && i < root.size(); ++i) {
    std::string one_name;
    std::int64_t one_version = 0;
    if (const auto member = root.at(i).member("name")) member->read(one_name);
    if (const auto member = root.at(i).member("version")) member->read(one_version);
    if (one_name != name || one_version != version) {
      items += version_item(one_name, one_version) + ", ";
    }
  }
  return "[" + items + version_item(name, version) + "]";
}

// Clients find the versions made from a logged model in one of its tags.
void note_in_logged_model(db::Tx& tx,
                          const std::string& model_id,
                          const std::string& name,
                          std::int64_t version) {
  std::string list;
  std::int64_t experiment_id = 0;
  {
    db::Rows rows = tx.query(
        "SELECT m.experiment_id, t.tag_value FROM logged_models m LEFT JOIN logged_model_tags t ON "
        "t.model_id = m.model_id AND t.tag_key = 'mlflow.modelVersions' WHERE m.model_id = ? AND "
        "m.lifecycle_stage != 'deleted'",
        model_id);
    if (!rows.next()) {
      throw Error(Code::resource_does_not_exist,
                  "Logged model with ID '" + model_id + "' not found.");
    }
    experiment_id = rows.integer(0);
    list = rows.text(1);
  }
  tx.execute(
      "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES (?, ?, "
      "'mlflow.modelVersions', ?) ON CONFLICT (model_id, tag_key) DO UPDATE SET tag_value = "
      "excluded.tag_value",
      model_id, experiment_id, with_version(list, name, version));
}

// Throws unless the version is there and not deleted.
void require_version(db::Tx& tx, std::string_view name, std::int64_t version) {
  check_model_name(name);
  db::Rows rows = tx.query(
      "SELECT 1 FROM model_versions WHERE workspace = 'default' AND name = ? AND version = ? AND "
      "current_stage != ?",
      name, version, deleted_stage);
  if (rows.next()) return;
  throw Error(Code::resource_does_not_exist, "Model Version (name=" + std::string(name) +
                                                 ", version=" + std::to_string(version) +
                                                 ") not found");
}

}  // namespace

ModelVersion version_of(const db::Rows& row) {
  ModelVersion version;
  version.name = row.text(0);
  version.version = std::to_string(row.integer(1));
  version.creation_timestamp = row.integer(2);
  version.last_updated_timestamp = row.maybe_integer(3);
  version.user_id = row.maybe_text(4);
  version.current_stage = row.maybe_text(5);
  version.description = row.maybe_text(6);
  version.source = row.maybe_text(7);
  version.run_id = row.maybe_text(8);
  version.status = row.maybe_text(9);
  version.status_message = row.maybe_text(10);
  if (version.status_message == "") version.status_message.reset();
  version.run_link = row.maybe_text(11);
  return version;
}

void read_version_tags(db::Tx& tx, ModelVersion& version) {
  db::Rows rows = tx.query(
      "SELECT key, value FROM model_version_tags WHERE workspace = 'default' AND name = ? AND "
      "version = ?",
      version.name, parse_version(version.version));
  while (rows.next()) version.tags.push_back({rows.text(0), rows.text(1)});
}

void read_version_aliases(db::Tx& tx, ModelVersion& version) {
  db::Rows rows = tx.query(
      "SELECT alias FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND "
      "version = ? ORDER BY alias",
      version.name, parse_version(version.version));
  while (rows.next()) version.aliases.push_back(rows.text(0));
}

ModelVersion read_version(db::Tx& tx, std::string_view name, std::int64_t version) {
  static const std::string statement =
      "SELECT " + std::string(version_columns) +
      " FROM model_versions v WHERE v.workspace = 'default' AND v.name = ? AND v.version = ?";
  require_version(tx, name, version);
  ModelVersion found;
  {
    db::Rows rows = tx.query(statement, name, version);
    rows.next();
    found = version_of(rows);
  }
  read_version_tags(tx, found);
  read_version_aliases(tx, found);
  return found;
}

std::vector<ModelVersion> read_latest_versions(db::Tx& tx, std::string_view name) {
  // Two looks into an index for each stage, however many versions there are.
  static const std::string statement =
      "WITH stages(stage) AS (VALUES ('None'), ('Staging'), ('Production'), ('Archived')) SELECT " +
      std::string(version_columns) +
      " FROM stages g CROSS JOIN model_versions v WHERE v.workspace = 'default' AND v.name = ? AND "
      "v.version = (SELECT MAX(s.version) FROM model_versions s WHERE s.workspace = 'default' AND "
      "s.name = ? AND s.current_stage = g.stage) ORDER BY (SELECT MIN(s.version) FROM "
      "model_versions s WHERE s.workspace = 'default' AND s.name = ? AND s.current_stage = "
      "g.stage)";
  std::vector<ModelVersion> versions;
  {
    db::Rows rows = tx.query(statement, name, name, name);
    while (rows.next()) versions.push_back(version_of(rows));
  }
  for (ModelVersion& version : versions) read_version_tags(tx, version);
  return versions;
}

ModelVersion ModelVersions::create(const NewModelVersion& version) {
  const std::int64_t now = env_.now_ms();
  Origin told;  // before the store adds what it knows itself
  ModelVersion created = database_.write([&](db::Tx& tx) {
    const bool is_prompt = are_of_prompt(version.tags);
    Origin origin =
        check_source(tx, rules_, {version.source, version.run_id, version.model_id, ""}, is_prompt);
    check_model_name(version.name);
    for (const Tag& tag : version.tags) check_version_tag(tag.key, tag.value);
    told = origin;
    locate(tx, origin);
    tx.lock("versions of model " + version.name);
    require_model(tx, version.name);
    const std::int64_t number = next_version(tx, version.name);
    tx.execute(
        "INSERT INTO model_versions (workspace, name, version, creation_time, last_updated_time, "
        "description, current_stage, source, run_id, status, run_link, storage_location) VALUES "
        "('default', ?, ?, ?, ?, ?, 'None', ?, ?, 'READY', ?, ?)",
        version.name, number, now, now, version.description, origin.source,
        origin.run_id.value_or(""), version.run_link, origin.storage_location);
    for (const Tag& tag : last_of_each(version.tags)) write_tag(tx, version.name, number, tag);
    touch_model(tx, version.name, now);
    if (!is_prompt && !origin.model_id.value_or("").empty()) {
      tx.lock("versions of logged model " + *origin.model_id);
      note_in_logged_model(tx, *origin.model_id, version.name, number);
    }
    return read_version(tx, version.name, number);
  });
  if (announce_) {
    announce_(version_created({.name = version.name,
                               .version = created.version,
                               .source = told.source,
                               .run_id = told.run_id,
                               .description = version.description},
                              version.tags));
  }
  return created;
}

ModelVersion ModelVersions::get(std::string_view name, std::string_view version) {
  check_model_name(name);
  const std::int64_t number = parse_version(version);
  return database_.read([&](db::Tx& tx) { return read_version(tx, name, number); });
}

ModelVersion ModelVersions::describe(std::string_view name,
                                     std::string_view version,
                                     const std::optional<std::string>& description) {
  check_model_name(name);
  const std::int64_t number = parse_version(version);
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    require_version(tx, name, number);
    tx.execute(
        "UPDATE model_versions SET description = ?, last_updated_time = ? WHERE workspace = "
        "'default' AND name = ? AND version = ?",
        description, now, name, number);
    return read_version(tx, name, number);
  });
}

ModelVersion ModelVersions::move_to_stage(std::string_view name,
                                          std::string_view version,
                                          std::string_view stage,
                                          bool archive_existing) {
  const std::string canonical = canonical_stage(stage);
  if (archive_existing && canonical != "Staging" && canonical != "Production") {
    throw Error(Code::invalid_parameter_value,
                "Model version transition cannot archive existing model versions because '" +
                    std::string(stage) +
                    "' is not an Active stage. Valid stages are ['Staging', 'Production']");
  }
  check_model_name(name);
  const std::int64_t number = parse_version(version);
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    tx.lock("versions of model " + std::string(name));
    require_version(tx, name, number);
    if (archive_existing) {
      tx.execute(
          "UPDATE model_versions SET current_stage = 'Archived', last_updated_time = ? WHERE "
          "workspace = 'default' AND name = ? AND version != ? AND current_stage = ?",
          now, name, number, canonical);
    }
    tx.execute(
        "UPDATE model_versions SET current_stage = ?, last_updated_time = ? WHERE workspace = "
        "'default' AND name = ? AND version = ?",
        canonical, now, name, number);
    touch_model(tx, name, now);
    return read_version(tx, name, number);
  });
}

void ModelVersions::remove(std::string_view name, std::string_view version) {
  const std::int64_t number = parse_version(version);
  const std::int64_t now = env_.now_ms();
  database_.write([&](db::Tx& tx) {
    require_version(tx, name, number);
    tx.execute(
        "DELETE FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND version "
        "= ?",
        name, number);
    // The row stays, so that its number is never dealt again; what it said is blotted out.
    tx.execute(
        "UPDATE model_versions SET current_stage = ?, last_updated_time = ?, description = NULL, "
        "user_id = NULL, source = 'REDACTED-SOURCE-PATH', run_id = 'REDACTED-RUN-ID', run_link = "
        "'REDACTED-RUN-LINK', status_message = NULL WHERE workspace = 'default' AND name = ? AND "
        "version = ?",
        deleted_stage, now, name, number);
    touch_model(tx, name, now);
  });
}

std::string ModelVersions::download_uri(std::string_view name, std::string_view version) {
  check_model_name(name);
  const std::int64_t number = parse_version(version);
  return database_.read([&](db::Tx& tx) {
    require_version(tx, name, number);
    db::Rows rows = tx.query(
        "SELECT COALESCE(NULLIF(storage_location, ''), source) FROM model_versions WHERE workspace "
        "= 'default' AND name = ? AND version = ?",
        name, number);
    rows.next();
    return rows.text(0);
  });
}

void ModelVersions::set_tag(std::string_view name, std::string_view version, const Tag& tag) {
  check_model_name(name);
  const std::int64_t number = parse_version(version);
  check_version_tag(tag.key, tag.value);
  const bool is_prompt = database_.write([&](db::Tx& tx) {
    require_version(tx, name, number);
    write_tag(tx, name, number, tag);
    return is_of_prompt(tx, name);
  });
  if (announce_) announce_(version_tag_set(is_prompt, name, version, tag));
}

void ModelVersions::delete_tag(std::string_view name,
                               std::string_view version,
                               std::string_view key) {
  check_model_name(name);
  const std::int64_t number = parse_version(version);
  tracking::check_key("key", key);
  const bool is_prompt = database_.write([&](db::Tx& tx) {
    require_version(tx, name, number);
    tx.execute(
        "DELETE FROM model_version_tags WHERE workspace = 'default' AND key = ? AND name = ? AND "
        "version = ?",
        key, name, number);
    return is_of_prompt(tx, name);
  });
  if (announce_) announce_(version_tag_deleted(is_prompt, name, version, key));
}

}  // namespace sandbox::registry
