// Takes over everything a database with MLflow's schema holds, of whatever revision, together with
// the files its artifact URIs name.
//
// Experiments keep their ids where these are free. One whose name the lab has is merged into the
// lab's of that name; one whose id belongs to another, or is too large for the lab's database
// (those of a file store have 18 digits), gets a new id. Runs, logged models and traces keep their
// ids always.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/db/database.h"
#include "sandbox/import/files.h"
#include "sandbox/import/ledger.h"
#include "sandbox/import/things.h"
#include "sandbox/import/uris.h"

namespace sandbox::import {

// What an import fills.
struct Target {
  db::Database& database;
  store::ObjectStore& store;
  artifacts::Location destination;    // of mlflow-artifacts:/
  std::string default_artifact_root;  // above the experiments' locations
};

class Takeover {
 public:
  Takeover(db::Database& source, FileSource files, Target target, Ledger& ledger, bool dry_run);

  // For a source that does not tell when a run was deleted.
  void ignore_deletion_time() { knows_deletion_ = false; }
  // May be ended anywhere and begun again.
  void run();

 private:
  struct Experiment {
    std::int64_t id = 0;
    std::string name;
    std::string location;
  };
  struct Settled {
    std::int64_t id = 0;
    std::string location;  // of what is new in it
  };
  // The places of the files of runs, logged models or traces: two statements with the ids of a page
  // that answer (id, experiment_id, uri), and what lies below the experiment's location.
  struct Roots {
    std::string name;
    std::string sql;
    std::string folder;  // between the experiment's location and the id: "" or "models/"
  };

  void experiments();
  void settle(const Experiment& theirs);
  Settled place_for(db::Tx& tx, const Experiment& theirs, bool& is_new);
  void take_default(db::Tx& tx, const Experiment& theirs);
  void copy_experiment(const Experiment& theirs, bool& is_new);
  void map_root(const Experiment& theirs, const Settled& settled);
  void settle_datasets(db::Tx& from, db::Tx& to, const Experiment& theirs, const Settled& settled);
  void compare_experiment(const Experiment& theirs, bool is_missing);
  void runs();
  void logged_models();
  void traces();
  void registry();
  void evaluation();
  void leftovers();

  void adapt(PartRows& part);
  Things::Prepare prepare_with(const Roots& roots);
  void bring_files(const Roots& roots,
                   const std::string& id,
                   const Settled& settled,
                   const std::string& uri);
  void compare_files(const FileTree& tree, const artifacts::Location& root, bool is_coming);
  void follow(const Roots& roots, const Ids& present);
  void follow_files(const Roots& roots,
                    const std::string& id,
                    const std::string& uri,
                    const std::string& own);
  [[nodiscard]] bool is_here(const std::string& uri) const;
  // " AND workspace = 'default'" where the source's table has workspaces.
  std::string only_default(const std::string& table);

  db::Database& source_;
  FileSource files_;
  Target target_;
  Ledger& ledger_;
  bool dry_run_;
  bool knows_deletion_ = true;
  Things things_;
  std::map<std::int64_t, Settled> experiments_;     // by the source's ids
  std::int64_t id_max_ = 0;                         // the greatest the lab's database can keep
  std::int64_t last_id_ = 0;                        // the highest of the source's up to that
  std::map<std::string, std::string> dataset_ids_;  // where the lab's differ
  UriMap uris_;
  std::set<std::string> taken_tables_;
};

}  // namespace sandbox::import
