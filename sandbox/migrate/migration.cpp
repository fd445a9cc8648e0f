#include "sandbox/migrate/migration.h"

#include <array>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
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

// Returns the number of rows that were written or removed.
std::int64_t write_tables(TableSync& sync,
                          const std::vector<Table>& tables,
                          const Progress& progress) {
  std::int64_t changed = 0;
  for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
    changed += sync.make_room(*table);
  }
  for (const Table& table : tables) {
    std::int64_t rows = 0;
    const Difference difference = sync.write(table, [&](std::int64_t written) {
      rows += written;
      progress(table.name, rows);
    });
    changed += difference.missing + difference.different;
  }
  return changed;
}

void advance_ids(db::Tx& target) {
  for (const Counted& one : counted) target.advance_ids(one.table, one.column);
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
    const std::vector<std::string> others = tx.other_servers();
    if (!others.empty()) {
      throw Error(Code::invalid_state,
                  "Other servers use the lab's database: " + join(others, ", ") +
                      ". What they write meanwhile would be missing on the new place. Stop them, "
                      "and run the same command again.");
    }
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
    write_tables(sync, tables, progress);
    target.write([](db::Tx& target_tx) { target_tx.analyze(); });
    results.clear();
    for (const Table& table : tables) results.push_back({table.name, sync.compare(table)});
  });
  target.write(advance_ids);
  return results;
}

std::int64_t copy_rows(db::Database& source,
                       db::Database& target,
                       const std::vector<ObjectMove>& moves,
                       const Progress& progress) {
  const std::vector<Table> tables = mlflow_schema().tables;
  const std::int64_t changed = source.read([&](db::Tx& tx) {
    TableSync sync(tx, target, move_locations(moves));
    return write_tables(sync, tables, progress);
  });
  target.write([](db::Tx& tx) { tx.analyze(); });
  return changed;
}

std::optional<Settled> settle_rows(db::Database& source,
                                   db::Database& target,
                                   const std::vector<ObjectMove>& moves,
                                   std::size_t rows_max,
                                   const Tick& tick) {
  const std::vector<Table> tables = mlflow_schema().tables;
  std::vector<Changes> changes(tables.size());
  Settled settled;
  const bool is_little = source.read([&](db::Tx& tx) {
    settled = {};
    TableSync sync(tx, target, move_locations(moves));
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const std::size_t left = rows_max - static_cast<std::size_t>(settled.changed);
      const auto rows = sync.find(tables[i], left, changes[i], tick);
      if (!rows) return false;
      settled.changed += std::ssize(changes[i].written) + std::ssize(changes[i].removed);
      Difference none;
      none.rows = *rows;
      settled.tables.push_back({tables[i].name, none});
    }
    return true;
  });
  if (!is_little) return std::nullopt;
  target.write([&](db::Tx& tx) {
    for (std::size_t i = tables.size(); i-- > 0;) TableSync::make_room(tx, tables[i], changes[i]);
    for (std::size_t i = 0; i < tables.size(); ++i) {
      TableSync::write(tx, tables[i], changes[i].written);
    }
    advance_ids(tx);
  });
  return settled;
}

std::vector<MoveResult> move_objects(ObjectSync& sync,
                                     const std::vector<ObjectMove>& moves,
                                     const Progress& progress) {
  copy_objects(sync, moves, progress);
  std::vector<MoveResult> results;
  for (const ObjectMove& move : moves) results.push_back({move, sync.compare(move)});
  return results;
}

ObjectCount copy_objects(ObjectSync& sync,
                         const std::vector<ObjectMove>& moves,
                         const Progress& progress) {
  ObjectCount sum;
  for (const ObjectMove& move : moves) {
    const ObjectCount count = sync.copy(move, [&](const ObjectCount& so_far) {
      progress("objects of " + move.from_bucket, so_far.copied);
    });
    sum.objects += count.objects;
    sum.bytes += count.bytes;
    sum.copied += count.copied;
    sum.copied_bytes += count.copied_bytes;
  }
  return sum;
}

}  // namespace sandbox::migrate
