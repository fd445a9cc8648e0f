#include "sandbox/auth/resources.h"

#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

std::string_view statement(Thing thing) {
  switch (thing) {
    case Thing::run: return "SELECT experiment_id FROM runs WHERE run_uuid = ?";
    case Thing::logged_model: return "SELECT experiment_id FROM logged_models WHERE model_id = ?";
    case Thing::trace: return "SELECT experiment_id FROM trace_info WHERE request_id = ?";
    case Thing::issue: return "SELECT experiment_id FROM issues WHERE issue_id = ?";
    case Thing::label_schema: return "SELECT experiment_id FROM label_schemas WHERE schema_id = ?";
  }
  return "";
}

std::vector<std::string> read_ids(db::Database& database,
                                  std::string_view sql,
                                  std::string_view id) {
  return database.read([&](db::Tx& tx) {
    std::vector<std::string> ids;
    auto rows = tx.query(sql, id);
    while (rows.next()) ids.push_back(rows.text(0));
    return ids;
  });
}

std::optional<std::string> read_one(db::Database& database,
                                    std::string_view sql,
                                    std::string_view id) {
  auto ids = read_ids(database, sql, id);
  if (ids.empty()) return std::nullopt;
  return ids.front();
}

}  // namespace

std::optional<std::string> Resources::experiment_of(Thing thing, std::string_view id) const {
  return read_one(database_, statement(thing), id);
}

std::optional<std::string> Resources::experiment_named(std::string_view name) const {
  return read_one(database_, "SELECT experiment_id FROM experiments WHERE name = ?", name);
}

std::vector<std::string> Resources::experiments_of_dataset(std::string_view id) const {
  return read_ids(database_,
                  "SELECT destination_id FROM entity_associations WHERE source_type = "
                  "'evaluation_dataset' AND destination_type = 'experiment' AND source_id = ?",
                  id);
}

std::vector<std::string> Resources::experiments_of_scorer(std::string_view scorer_id) const {
  return read_ids(database_, "SELECT experiment_id FROM scorers WHERE scorer_id = ?", scorer_id);
}

std::optional<Resources::Queue> Resources::review_queue(std::string_view id,
                                                        std::string_view user) const {
  return database_.read([&](db::Tx& tx) -> std::optional<Queue> {
    auto rows = tx.query(
        "SELECT q.experiment_id, q.created_by, q.queue_type, u.user_id IS NOT NULL FROM "
        "review_queues q LEFT JOIN review_queue_users u ON u.queue_id = q.queue_id AND u.user_id = "
        "? WHERE q.queue_id = ?",
        lower(trim(user)), id);
    if (!rows.next()) return std::nullopt;
    return Queue{rows.text(0), lower(trim(rows.text(1))), rows.text(2) == "CUSTOM",
                 rows.integer(3) != 0};
  });
}

std::optional<std::string> Resources::review_queue_named(std::string_view experiment_id,
                                                         std::string_view name) const {
  return database_.read([&](db::Tx& tx) -> std::optional<std::string> {
    auto rows =
        tx.query("SELECT queue_id FROM review_queues WHERE experiment_id = ? AND name_key = ?",
                 parse_int64(experiment_id), lower(trim(name)));
    if (!rows.next()) return std::nullopt;
    return rows.text(0);
  });
}

Resources::Entry Resources::registry_entry(std::string_view name) const {
  return database_.read([&](db::Tx& tx) {
    auto rows = tx.query(
        "SELECT t.value FROM registered_models m LEFT JOIN registered_model_tags t ON t.workspace "
        "= m.workspace AND t.name = m.name AND t.key = 'mlflow.prompt.is_prompt' WHERE "
        "m.workspace = 'default' AND m.name = ?",
        name);
    if (!rows.next()) return Entry::absent;
    return lower(rows.text(0)) == "true" ? Entry::prompt : Entry::model;
  });
}

}  // namespace sandbox::auth
