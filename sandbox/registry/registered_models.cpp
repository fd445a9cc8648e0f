#include "sandbox/registry/registered_models.h"

#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/registry/names.h"
#include "sandbox/tracking/names.h"

namespace sandbox::registry {
namespace {

void write_tag(db::Tx& tx, std::string_view name, const Tag& tag) {
  tx.execute(
      "INSERT INTO registered_model_tags (workspace, name, key, value) VALUES ('default', ?, ?, ?) "
      "ON CONFLICT (workspace, key, name) DO UPDATE SET value = excluded.value",
      name, tag.key, tag.value);
}

bool exists(db::Tx& tx, std::string_view name) {
  return tx.query("SELECT 1 FROM registered_models WHERE workspace = 'default' AND name = ?", name)
      .next();
}

// Says of which kind the model is that has the name already.
[[noreturn]] void refuse_taken_name(std::string_view name, bool is_new_prompt, bool is_old_prompt) {
  const std::string taken(name);
  if (is_new_prompt == is_old_prompt) {
    throw Error(Code::resource_already_exists, (is_new_prompt ? "Prompt" : "Registered Model") +
                                                   (" (name=" + taken + ") already exists."));
  }
  const std::string prompt = "prompt";
  const std::string model = "registered model";
  throw Error(Code::resource_already_exists,
              "Tried to create a " + (is_new_prompt ? prompt : model) + " with name '" + taken +
                  "', but the name is already taken by a " + (is_old_prompt ? prompt : model) +
                  ". MLflow does not allow creating a model and a prompt with the same name.");
}

RegisteredModel read_model(db::Tx& tx, std::string_view name) {
  static const std::string statement = "SELECT " + std::string(model_columns) +
                                       " FROM registered_models WHERE workspace = 'default' AND "
                                       "name = ?";
  require_model(tx, name);
  RegisteredModel model;
  {
    db::Rows rows = tx.query(statement, name);
    rows.next();
    model = model_of(rows);
  }
  read_model_details(tx, model);
  return model;
}

}  // namespace

void require_model(db::Tx& tx, std::string_view name) {
  check_model_name(name);
  if (exists(tx, name)) return;
  throw Error(Code::resource_does_not_exist,
              "Registered Model with name=" + std::string(name) + " not found");
}

std::vector<Tag> read_model_tags(db::Tx& tx, std::string_view name) {
  std::vector<Tag> tags;
  db::Rows rows = tx.query(
      "SELECT key, value FROM registered_model_tags WHERE workspace = 'default' AND name = ?",
      name);
  while (rows.next()) tags.push_back({rows.text(0), rows.text(1)});
  return tags;
}

bool is_of_prompt(db::Tx& tx, std::string_view name) {
  db::Rows rows = tx.query(
      "SELECT value FROM registered_model_tags WHERE workspace = 'default' AND key = ? AND name = "
      "?",
      prompt_tag, name);
  return rows.next() && lower(rows.view(0)) == "true";
}

RegisteredModel model_of(const db::Rows& row) {
  RegisteredModel model;
  model.name = row.text(0);
  model.creation_timestamp = row.maybe_integer(1);
  model.last_updated_timestamp = row.maybe_integer(2);
  model.description = row.maybe_text(3);
  if (model.description == "") model.description.reset();
  return model;
}

void read_model_details(db::Tx& tx, RegisteredModel& model) {
  model.latest_versions = read_latest_versions(tx, model.name);
  model.tags = read_model_tags(tx, model.name);
  db::Rows rows = tx.query(
      "SELECT alias, version FROM registered_model_aliases WHERE workspace = 'default' AND name = "
      "? "
      "ORDER BY alias",
      model.name);
  while (rows.next()) model.aliases.push_back({rows.text(0), std::to_string(rows.integer(1))});
}

RegisteredModel RegisteredModels::create(std::string_view name,
                                         std::string_view description,
                                         const std::vector<Tag>& tags) {
  check_model_name(name);
  for (const Tag& tag : tags) check_model_tag(tag.key, tag.value);
  const std::int64_t now = env_.now_ms();
  RegisteredModel created = database_.write([&](db::Tx& tx) {
    if (exists(tx, name)) {
      refuse_taken_name(name, have_prompt_tag(tags), have_prompt_tag(read_model_tags(tx, name)));
    }
    tx.execute(
        "INSERT INTO registered_models (workspace, name, creation_time, last_updated_time, "
        "description) VALUES ('default', ?, ?, ?, ?)",
        name, now, now, description);
    for (const Tag& tag : last_of_each(tags)) write_tag(tx, name, tag);
    return read_model(tx, name);
  });
  if (announce_) announce_(model_created(name, tags, description));
  return created;
}

RegisteredModel RegisteredModels::get(std::string_view name) {
  return database_.read([&](db::Tx& tx) { return read_model(tx, name); });
}

RegisteredModel RegisteredModels::rename(std::string_view name, std::string_view new_name) {
  check_new_model_name(new_name);
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    require_model(tx, name);
    if (new_name != name && exists(tx, new_name)) {
      throw Error(Code::resource_already_exists,
                  "Registered Model (name=" + std::string(new_name) + ") already exists.");
    }
    // Foreign keys carry the new name to versions, tags and aliases.
    tx.execute(
        "UPDATE registered_models SET name = ?, last_updated_time = ? WHERE workspace = 'default' "
        "AND name = ?",
        new_name, now, name);
    tx.execute(
        "UPDATE model_versions SET last_updated_time = ? WHERE workspace = 'default' AND name = ?",
        now, new_name);
    return read_model(tx, new_name);
  });
}

RegisteredModel RegisteredModels::describe(std::string_view name, std::string_view description) {
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    require_model(tx, name);
    tx.execute(
        "UPDATE registered_models SET description = ?, last_updated_time = ? WHERE workspace = "
        "'default' AND name = ?",
        description, now, name);
    return read_model(tx, name);
  });
}

void RegisteredModels::remove(std::string_view name) {
  database_.write([&](db::Tx& tx) {
    require_model(tx, name);
    for (const std::string_view statement :
         {"DELETE FROM model_version_tags WHERE workspace = 'default' AND name = ?",
          "DELETE FROM model_versions WHERE workspace = 'default' AND name = ?",
          "DELETE FROM registered_model_tags WHERE workspace = 'default' AND name = ?",
          "DELETE FROM registered_model_aliases WHERE workspace = 'default' AND name = ?",
          "DELETE FROM registered_models WHERE workspace = 'default' AND name = ?"}) {
      tx.execute(statement, name);
    }
  });
}

void RegisteredModels::set_tag(std::string_view name, const Tag& tag) {
  check_model_name(name);
  check_model_tag(tag.key, tag.value);
  const bool is_prompt = database_.write([&](db::Tx& tx) {
    require_model(tx, name);
    write_tag(tx, name, tag);
    return is_of_prompt(tx, name);
  });
  if (announce_ && is_prompt) announce_(prompt_tag_set(name, tag));
}

void RegisteredModels::delete_tag(std::string_view name, std::string_view key) {
  check_model_name(name);
  tracking::check_key("key", key);
  const bool is_prompt = database_.write([&](db::Tx& tx) {
    require_model(tx, name);
    tx.execute(
        "DELETE FROM registered_model_tags WHERE workspace = 'default' AND key = ? AND name = ?",
        key, name);
    return is_of_prompt(tx, name);
  });
  if (announce_ && is_prompt) announce_(prompt_tag_deleted(name, key));
}

std::vector<ModelVersion> RegisteredModels::latest_versions(
    std::string_view name, const std::vector<std::string>& stages) {
  return database_.read([&](db::Tx& tx) {
    require_model(tx, name);
    std::vector<std::string> wanted;
    for (const std::string& stage : stages) wanted.push_back(canonical_stage(stage));
    std::vector<ModelVersion> versions = read_latest_versions(tx, name);
    std::erase_if(versions, [&](const ModelVersion& version) {
      return !wanted.empty() &&
             std::find(wanted.begin(), wanted.end(), version.current_stage) == wanted.end();
    });
    for (ModelVersion& version : versions) read_version_aliases(tx, version);
    return versions;
  });
}

}  // namespace sandbox::registry
