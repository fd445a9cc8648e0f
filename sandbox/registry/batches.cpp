#include "sandbox/registry/batches.h"

#include <algorithm>
#include <span>
#include <string>

#include "sandbox/registry/names.h"

namespace sandbox::registry {
namespace {

// A statement of few texts: it always asks for this many, and absent ones are NULL, which joins
// with nothing.
constexpr std::size_t batch_rows = 64;

// WITH wanted(place, …) AS (VALUES …): the first row tells the types.
std::string wanted_with(std::string_view columns, std::string_view first, std::string_view others) {
  std::string text = "WITH wanted(place, " + std::string(columns) + ") AS (VALUES ";
  for (std::size_t place = 0; place < batch_rows; ++place) {
    text += place == 0 ? "(" : ", (";
    text += std::to_string(place) + ", " + std::string(place == 0 ? first : others) + ")";
  }
  return text + ")";
}

std::string wanted_models() {
  return wanted_with("name", "CAST(? AS TEXT)", "?");
}

template <class Item, class Read>
void in_batches(std::vector<Item>& items, Read read) {
  for (std::size_t done = 0; done < items.size(); done += batch_rows) {
    read(std::span(items).subspan(done, std::min(batch_rows, items.size() - done)));
  }
}

void read_tags_of_batch(db::Tx& tx, std::span<ModelVersion> versions) {
  static const std::string statement =
      wanted_with("name, version", "CAST(? AS TEXT), CAST(? AS BIGINT)", "?, ?") +
      " SELECT w.place, t.key, t.value FROM wanted w JOIN model_version_tags t ON t.workspace = "
      "'default' AND t.name = w.name AND t.version = w.version";
  std::vector<db::Value> values;
  for (const ModelVersion& version : versions) {
    values.emplace_back(version.name);
    values.emplace_back(parse_version(version.version));
  }
  values.resize(2 * batch_rows, nullptr);
  db::Rows rows = tx.query_values(statement, values);
  while (rows.next()) {
    versions[static_cast<std::size_t>(rows.integer(0))].tags.push_back(
        {rows.text(1), rows.text(2)});
  }
}

std::vector<db::Value> names_of(std::span<RegisteredModel> models) {
  std::vector<db::Value> names;
  for (const RegisteredModel& model : models) names.emplace_back(model.name);
  names.resize(batch_rows, nullptr);
  return names;
}

void read_tags_and_aliases(db::Tx& tx, std::span<RegisteredModel> models) {
  static const std::string tags =
      wanted_models() +
      " SELECT w.place, t.key, t.value FROM wanted w JOIN registered_model_tags t ON t.workspace = "
      "'default' AND t.name = w.name";
  static const std::string aliases =
      wanted_models() +
      " SELECT w.place, a.alias, a.version FROM wanted w JOIN registered_model_aliases a ON "
      "a.workspace = 'default' AND a.name = w.name ORDER BY w.place, a.alias";
  const std::vector<db::Value> names = names_of(models);
  db::Rows tag = tx.query_values(tags, names);
  while (tag.next()) {
    models[static_cast<std::size_t>(tag.integer(0))].tags.push_back({tag.text(1), tag.text(2)});
  }
  db::Rows alias = tx.query_values(aliases, names);
  while (alias.next()) {
    models[static_cast<std::size_t>(alias.integer(0))].aliases.push_back(
        {alias.text(1), std::to_string(alias.integer(2))});
  }
}

void read_latest(db::Tx& tx, std::span<RegisteredModel> models) {
  static const std::string statement =
      wanted_models() +
      ", latest AS (SELECT w.place AS place, w.name AS name, MAX(s.version) AS version, "
      "MIN(s.version) AS first FROM wanted w JOIN model_versions s ON s.workspace = 'default' AND "
      "s.name = w.name AND s.current_stage != 'Deleted_Internal' GROUP BY w.place, w.name, "
      "s.current_stage) SELECT " +
      std::string(version_columns) +
      ", l.place FROM latest l JOIN model_versions v ON v.workspace = 'default' AND v.name = "
      "l.name AND v.version = l.version ORDER BY l.place, l.first";
  constexpr int place_column = 12;  // after version_columns
  std::vector<ModelVersion> versions;
  std::vector<std::size_t> places;
  {
    db::Rows rows = tx.query_values(statement, names_of(models));
    while (rows.next()) {
      versions.push_back(version_of(rows));
      places.push_back(static_cast<std::size_t>(rows.integer(place_column)));
    }
  }
  read_tags(tx, versions);
  for (std::size_t i = 0; i < versions.size(); ++i) {
    models[places[i]].latest_versions.push_back(std::move(versions[i]));
  }
}

}  // namespace

void read_tags(db::Tx& tx, std::vector<ModelVersion>& versions) {
  in_batches(versions, [&](std::span<ModelVersion> batch) { read_tags_of_batch(tx, batch); });
}

void read_details(db::Tx& tx, std::vector<RegisteredModel>& models) {
  in_batches(models, [&](std::span<RegisteredModel> batch) {
    read_tags_and_aliases(tx, batch);
    read_latest(tx, batch);
  });
}

}  // namespace sandbox::registry
