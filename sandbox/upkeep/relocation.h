// Moves artifact roots to another bucket or prefix of the lab's object store: copies the files,
// verifies each copy, rewrites the rows that say where they lie, copies what came meanwhile, and
// only where asked removes the old ones.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <tuple>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::upkeep {

struct Move {
  std::string from;           // s3://bucket/path or mlflow-artifacts:/path
  std::string experiment_id;  // instead of `from`: where this experiment keeps its files
  std::string to;
  bool dry_run = false;
  bool delete_source = false;
  static constexpr auto fields() {
    return std::tuple{
        field("from", &Move::from, "s3://bucket/path or mlflow-artifacts:/path."),
        field("experiment_id", &Move::experiment_id, "Instead of from: this experiment's place."),
        required("to", &Move::to, "The new place, likewise."),
        field("dry_run", &Move::dry_run, "Change nothing, tell what would be done."),
        field("delete_source", &Move::delete_source,
              "Remove the old files once their copies are verified and in use.")};
  }
};

struct Progress {
  // "copied": so many files so far. "column": rows of one column now say the new place.
  // "total": the last line. "error": the last line: why it ended early.
  std::string kind;
  std::string from;
  std::string to;
  std::string column;
  std::string note;
  std::int64_t rows = 0;
  std::int64_t objects = 0;  // found at the old place
  std::int64_t bytes = 0;
  std::int64_t copied = 0;   // of them, now; the others were there already and are the same
  std::int64_t removed = 0;  // at the old place
  static constexpr auto fields() {
    return std::tuple{field("kind", &Progress::kind),       field("from", &Progress::from),
                      field("to", &Progress::to),           field("column", &Progress::column),
                      field("note", &Progress::note),       field("rows", &Progress::rows),
                      field("objects", &Progress::objects), field("bytes", &Progress::bytes),
                      field("copied", &Progress::copied),   field("removed", &Progress::removed)};
  }
};

class Relocation {
 public:
  Relocation(db::Database& database, store::ObjectStore& store, artifacts::Artifacts& artifacts)
      : database_(database), store_(store), artifacts_(artifacts) {}

  // The move with `from` filled in; throws the sentence for whoever asked when it cannot be made.
  Move checked(Move move);
  // `move` as checked() answered it. One at a time: a second caller gets Error(resource_conflict).
  // May be stopped or killed anywhere: the same move again finishes the work, and copies nothing
  // that is there already. Clients may go on; those that learnt the old place before may write
  // there still, which the same move made again brings along.
  void run(const Move& move, const std::function<void(const Progress&)>& report);
  // Ends a move that runs, after its present file, and every later one at once.
  void stop() { stopping_.request_stop(); }

 private:
  struct Places;
  Places places_of(const Move& move);
  void copy_all(const Places& places,
                Progress& total,
                const std::function<void(const Progress&)>& report);
  bool copy(const store::ObjectInfo& source, const std::string& bucket, const std::string& key);
  void rewrite(const Move& move,
               Progress& total,
               const std::function<void(const Progress&)>& report);
  void remove_sources(const Places& places, Progress& total);
  void check_not_stopped() const;

  db::Database& database_;
  store::ObjectStore& store_;
  artifacts::Artifacts& artifacts_;
  std::mutex running_;  // held by the one move that runs
  std::stop_source stopping_;
};

}  // namespace sandbox::upkeep
