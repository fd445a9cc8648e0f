// Moves a lab's metadata and objects to another database and another object store, or back. The
// source is only read. What was interrupted anywhere is begun again and goes on where the two
// differ; at the end both are compared row by row and object by object.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/db/database.h"
#include "sandbox/migrate/object_sync.h"
#include "sandbox/migrate/table_sync.h"

namespace sandbox::migrate {

struct TableResult {
  std::string table;
  Difference left;  // what still differs
};

struct MoveResult {
  ObjectMove move;
  ObjectCount left;
};

struct Result {
  std::vector<TableResult> tables;
  std::vector<MoveResult> moves;

  [[nodiscard]] bool is_equal() const;
  [[nodiscard]] std::int64_t rows() const;
  [[nodiscard]] std::int64_t objects() const;
  [[nodiscard]] std::int64_t bytes() const;
};

// What is being done, for a person who waits: "runs", 12000.
using Progress = std::function<void(const std::string& what, std::int64_t count)>;

// True when nobody has kept anything in that database yet: at most the experiment and the workspace
// that every new one has.
bool is_unused(db::Database& database);

// Refuses, before anything is written, a source with rows that cannot be moved (sealed keys of
// MLflow's gateway), and one that other servers use, whose writes would be lost. Throws
// Error(not_implemented) and Error(invalid_state).
void check_movable(db::Database& source);

// Makes the target's tables those of the source. Where the moves change the places of files, the
// target names the new ones. New rows get ids after the moved ones.
std::vector<TableResult> move_rows(db::Database& source,
                                   db::Database& target,
                                   const std::vector<ObjectMove>& moves,
                                   const Progress& progress);

// The same without the comparison, while others may write to the source: what they change meanwhile
// is for the next time. Returns the number of rows that were written or removed.
std::int64_t copy_rows(db::Database& source,
                       db::Database& target,
                       const std::vector<ObjectMove>& moves,
                       const Progress& progress);

struct Settled {
  std::vector<TableResult> tables;
  std::int64_t changed = 0;  // rows that were written or removed
};

// The same where little differs: every row is compared in one walk, and what differs is written in
// one transaction and read again. While nobody writes to the source, the two are equal afterwards.
// nullopt when more than `rows_max` rows differ, and nothing is changed then. Throws what `tick`
// throws.
std::optional<Settled> settle_rows(db::Database& source,
                                   db::Database& target,
                                   const std::vector<ObjectMove>& moves,
                                   std::size_t rows_max,
                                   const Tick& tick);

// Copies objects and compares them afterwards. The target's buckets must be there. `sync` remembers
// what it compared, for the next time.
std::vector<MoveResult> move_objects(ObjectSync& sync,
                                     const std::vector<ObjectMove>& moves,
                                     const Progress& progress);

// The same without the comparison. Returns what was copied.
ObjectCount copy_objects(ObjectSync& sync,
                         const std::vector<ObjectMove>& moves,
                         const Progress& progress);

}  // namespace sandbox::migrate
