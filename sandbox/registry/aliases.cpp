#include "sandbox/registry/aliases.h"

#include "sandbox/base/error.h"
#include "sandbox/registry/names.h"
#include "sandbox/registry/registered_models.h"

namespace sandbox::registry {
namespace {

ModelVersion read_highest_version(db::Tx& tx, std::string_view name) {
  db::Rows rows = tx.query(
      "SELECT MAX(version) FROM model_versions WHERE workspace = 'default' AND name = ? AND "
      "current_stage != ?",
      name, deleted_stage);
  if (rows.next() && !rows.is_null(0)) return read_version(tx, name, rows.integer(0));
  throw Error(Code::resource_does_not_exist,
              "Latest version not found for model " + std::string(name) + ".");
}

}  // namespace

ModelVersion read_aliased_version(db::Tx& tx, std::string_view name, std::string_view alias) {
  check_model_name(name);
  check_alias(alias);
  require_model(tx, name);
  if (is_latest(alias)) return read_highest_version(tx, name);
  db::Rows rows = tx.query(
      "SELECT version FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND "
      "alias = ?",
      name, alias);
  if (rows.next()) return read_version(tx, name, rows.integer(0));
  throw Error(Code::invalid_parameter_value,
              "Registered model alias " + std::string(alias) + " not found.");
}

void Aliases::set(std::string_view name, std::string_view alias, std::string_view version) {
  check_model_name(name);
  check_alias(alias);
  check_alias_is_free(alias);
  const std::int64_t number = parse_version(version);
  const bool is_prompt = database_.write([&](db::Tx& tx) {
    read_version(tx, name, number);
    tx.execute(
        "INSERT INTO registered_model_aliases (workspace, name, alias, version) VALUES ('default', "
        "?, ?, ?) ON CONFLICT (workspace, name, alias) DO UPDATE SET version = excluded.version",
        name, alias, number);
    return is_of_prompt(tx, name);
  });
  if (announce_) announce_(alias_created(is_prompt, name, alias, version));
}

void Aliases::remove(std::string_view name, std::string_view alias) {
  check_model_name(name);
  check_alias(alias);
  const bool is_prompt = database_.write([&](db::Tx& tx) {
    require_model(tx, name);
    tx.execute(
        "DELETE FROM registered_model_aliases WHERE workspace = 'default' AND name = ? AND alias = "
        "?",
        name, alias);
    return is_of_prompt(tx, name);
  });
  if (announce_) announce_(alias_deleted(is_prompt, name, alias));
}

ModelVersion Aliases::get(std::string_view name, std::string_view alias) {
  return database_.read([&](db::Tx& tx) { return read_aliased_version(tx, name, alias); });
}

}  // namespace sandbox::registry
