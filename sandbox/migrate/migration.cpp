#include "sandbox/migrate/migration.h"

#include <array>

#include "sandbox/base/error.h"
#include "sandbox/migrate/locations.h"
#include "sandbox/migrate/tables.h"

namespace sandbox::migrate {
namespace {

// Columns whose values the database gives out itself.
struct Counted {
  const char* table;
  const char* column;
};
constexpr std::array counted{
    Counted{"experiments", "experiment_id"},
    Counted{"sql_assessment_daily_rollups", "id"},
    Counted{"sql_span_cost_daily_rollups", "id"},
    Counted{"sql_trace_metric_daily_rollups", "id"},
};

bool has_row(db::Tx& tx, const std::string& table) {
  return tx.query("SELECT 1 FROM \"" + table + "\" LIMIT 1").next();
}

// What every fresh database has, or gets when a server first opens it.
bool is_of_every_database(const std::string& table) {
  return table == "workspaces" || table == "experiments" || table == "experiment_tags";
}

}  // namespace

bool Result::is_equal() const {
  for (const TableResult& one : tables) {
    if (!one.left.is_none()) return false;
  }
  for (const MoveResult& one : moves) {
    if (one.left.different != 0) return false;
  }
  return true;
}

std::int64_t Result::rows() const {
  std::int64_t sum = 0;
  for (const TableResult& one : tables) sum += one.left.rows;
  return sum;
}

std::int64_t Result::objects() const {
  std::int64_t sum = 0;
  for (const MoveResult& one : moves) sum += one.left.objects;
  return sum;
}

std::int64_t Result::bytes() const {
  std::int64_t sum = 0;
  for (const MoveResult& one : moves) sum += one.left.bytes;
  return sum;
}

bool is_unused(db::Database& database) {
  const Schema schema = mlflow_schema();
  return database.read([&](db::Tx& tx) {
    if (tx.query("SELECT 1 FROM experiments WHERE experiment_id <> 0 OR name <> 'Default'")
            .next()) {
      return false;
    }
    for (const Table& table : schema.tables) {
      if (!is_of_every_database(table.name) && has_row(tx, table.name)) return false;
    }
    for (const std::string& name : schema.unmoved) {
      if (has_row(tx, name)) return false;
    }
    return true;
  });
}

void check_movable(db::Database& source) {
  const Schema schema = mlflow_schema();
  source.read([&](db::Tx& tx) {
    for (const std::string& name : schema.unmoved) {
      if (!has_row(tx, name)) continue;
      throw Error(Code::not_implemented,
                  "The table '" + name +
                      "' holds sealed keys of MLflow's gateway, which this program cannot move. "
                      "Remove them with a real MLflow server, and enter them again on the target.");
    }
  });
}

std::vector<TableResult> move_rows(db::Database& source,
                                   db::Database& target,
                                   const std::vector<ObjectMove>& moves,
                                   const Progress& progress) {
  const std::vector<Table> tables = mlflow_schema().tables;
  std::vector<TableResult> results;
  // One snapshot for all tables: rows find those they refer to.
  source.read([&](db::Tx& tx) {
    TableSync sync(tx, target, move_locations(moves));
    for (auto table = tables.rbegin(); table != tables.rend(); ++table) sync.remove_surplus(*table);
    for (const Table& table : tables) {
      std::int64_t rows = 0;
      sync.write(table, [&](std::int64_t written) {
        rows += written;
        progress(table.name, rows);
      });
    }
    results.clear();
    for (const Table& table : tables) results.push_back({table.name, sync.compare(table)});
  });
  target.write([](db::Tx& tx) {
    for (const Counted& one : counted) tx.advance_ids(one.table, one.column);
  });
  return results;
}

std::vector<MoveResult> move_objects(store::ObjectStore& source,
                                     store::ObjectStore& target,
                                     const std::vector<ObjectMove>& moves,
                                     const Progress& progress) {
  ObjectSync sync(source, target);
  std::vector<MoveResult> results;
  for (const ObjectMove& move : moves) {
    sync.copy(move, [&](const ObjectCount& count) {
      progress("objects of " + move.from_bucket, count.copied);
    });
    results.push_back({move, sync.compare(move)});
  }
  return results;
}

}  // namespace sandbox::migrate
