// Where rows and files disagree: files whose run, logged model or trace is gone, and rows that
// claim files where nothing lies.
#pragma once

#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifacts.h"
#include "sandbox/db/database.h"
#include "sandbox/upkeep/finding.h"

namespace sandbox::upkeep {

class Strays {
 public:
  Strays(db::Database& database,
         store::ObjectStore& store,
         artifacts::Artifacts& artifacts,
         std::string default_artifact_root,
         std::stop_token stop,
         Report report)
      : database_(database),
        store_(store),
        artifacts_(artifacts),
        default_artifact_root_(std::move(default_artifact_root)),
        stop_(std::move(stop)),
        report_(std::move(report)) {}

  // Finds (and, unless it is a dry run, removes) what lies below the artifact roots at
  // <experiment>/<run>/artifacts/, <experiment>/models/<model>/ or <experiment>/traces/<trace>/,
  // and below the experiments' own locations likewise, without a row of that id. Other files are
  // nobody's business here. One file written after `before_ms` keeps all beside it: a row comes
  // before its files, but an import may do it the other way round.
  void orphans(std::int64_t before_ms, bool dry_run);
  // Names runs, logged models and model versions that say they have files and have none.
  void missing();

 private:
  using Ids = std::vector<std::string>;
  struct Group;

  std::vector<artifacts::Location> roots();
  std::vector<artifacts::Location> own_locations();
  void look_into_experiment(const artifacts::Location& place);
  void look_into(const artifacts::Location& place, const Group& group);
  void check_group(const artifacts::Location& place, const Group& group, const Ids& ids);
  template <class Function>
  void for_each_directory(const artifacts::Location& place, Function take);
  void missing_of(std::string_view sql, std::string_view what);

  db::Database& database_;
  store::ObjectStore& store_;
  artifacts::Artifacts& artifacts_;
  std::string default_artifact_root_;
  std::stop_token stop_;
  Report report_;
  std::int64_t before_ms_ = 0;
  bool dry_run_ = true;
  std::set<std::string> looked_into_;  // URIs; an experiment's place may lie below two roots
};

}  // namespace sandbox::upkeep
