#include "sandbox/migrate/tables.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "sandbox/db/database.h"

namespace sandbox::migrate {
namespace {

constexpr const char* revision_table = "alembic_version";

Column::Kind kind_of(std::string_view type) {
  if (type.starts_with("BOOLEAN")) return Column::Kind::boolean;
  if (type.starts_with("FLOAT") || type.starts_with("DOUBLE")) return Column::Kind::real;
  if (type.starts_with("INTEGER") || type.starts_with("BIGINT")) return Column::Kind::integer;
  if (type == "DATE") return Column::Kind::date;
  return Column::Kind::text;
}

struct Described {
  Table table;
  std::set<std::string> parents;
  bool has_bytes = false;
};

Described describe(db::Tx& tx, const std::string& name) {
  Described out;
  out.table.name = name;
  std::map<std::int64_t, std::size_t> key;  // place in the key -> position
  db::Rows columns = tx.query("SELECT name, type, pk, hidden FROM pragma_table_xinfo(?)", name);
  while (columns.next()) {
    if (columns.integer(3) != 0) continue;
    out.has_bytes = out.has_bytes || columns.view(1) == "BLOB";
    if (columns.integer(2) > 0) key[columns.integer(2)] = out.table.columns.size();
    out.table.columns.push_back({columns.text(0), kind_of(columns.view(1))});
  }
  for (const auto& [place, position] : key) out.table.key.push_back(position);
  db::Rows unique = tx.query(
      "SELECT (SELECT name FROM pragma_index_info(one.name) ORDER BY seqno DESC LIMIT 1) FROM "
      "pragma_index_list(?) AS one WHERE one.\"unique\" = 1 AND one.origin <> 'pk'",
      name);
  while (unique.next()) {
    const std::size_t at = out.table.position(unique.text(0));
    if (out.table.columns[at].kind == Column::Kind::text) out.table.unique = at;
  }
  db::Rows parents = tx.query("SELECT \"table\" FROM pragma_foreign_key_list(?)", name);
  while (parents.next()) out.parents.insert(parents.text(0));
  return out;
}

std::vector<Table> parents_first(std::map<std::string, Described> rest) {
  std::vector<Table> ordered;
  while (!rest.empty()) {
    const auto next = std::find_if(rest.begin(), rest.end(), [&](const auto& one) {
      return std::none_of(one.second.parents.begin(), one.second.parents.end(),
                          [&](const std::string& parent) { return rest.contains(parent); });
    });
    if (next == rest.end()) throw std::logic_error("MLflow's tables refer to each other in a ring");
    ordered.push_back(std::move(next->second.table));
    rest.erase(next);
  }
  return ordered;
}

}  // namespace

std::size_t Table::position(std::string_view column) const {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return i;
  }
  throw std::out_of_range(name + " has no column " + std::string(column));
}

Schema mlflow_schema() {
  // SQLite tells more about a schema than a text would, and an empty one in memory costs little.
  const auto empty = db::open_database("sqlite://");
  return empty->read([](db::Tx& tx) {
    Schema schema;
    std::map<std::string, Described> described;
    std::vector<std::string> names;
    db::Rows rows = tx.query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY "
        "name");
    while (rows.next()) names.push_back(rows.text(0));
    for (const std::string& name : names) {
      if (name == revision_table) continue;
      Described one = describe(tx, name);
      if (one.has_bytes) {
        schema.unmoved.push_back(name);
      } else {
        described.emplace(name, std::move(one));
      }
    }
    schema.tables = parents_first(std::move(described));
    return schema;
  });
}

}  // namespace sandbox::migrate
