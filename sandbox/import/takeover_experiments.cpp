#include <algorithm>
#include <set>

#include "sandbox/base/error.h"
#include "sandbox/import/takeover.h"
#include "sandbox/tracking/experiments.h"

namespace sandbox::import {
namespace {

const std::vector<Part>& experiment_parts() {
  static const std::vector<Part> parts{
      {"experiments", "experiments.experiment_id"},
      {"experiment_tags", "experiment_tags.experiment_id", "experiments' tags"},
      {"datasets", "datasets.experiment_id", "datasets"}};
  return parts;
}

}  // namespace

void Takeover::experiments() {
  for (const Part& part : experiment_parts()) taken_tables_.insert(part.table);
  const std::string condition = only_default("experiments");
  std::vector<Experiment> all;
  std::int64_t elsewhere = 0;
  source_.read([&](db::Tx& tx) {
    db::Rows rows =
        tx.query("SELECT experiment_id, name, artifact_location FROM experiments" +
                 (condition.empty() ? "" : " WHERE " + condition) + " ORDER BY experiment_id");
    while (rows.next()) all.push_back({rows.integer(0), rows.text(1), rows.text(2)});
    db::Rows counted = tx.query("SELECT COUNT(*) FROM experiments");
    if (counted.next()) elsewhere = counted.integer(0) - static_cast<std::int64_t>(all.size());
  });
  if (elsewhere > 0) {
    ledger_.note(std::to_string(elsewhere) +
                 " experiments of other workspaces were left out, with all that is in them: the "
                 "lab has one workspace, 'default'.");
  }
  id_max_ = target_.database.read([](db::Tx& tx) { return tx.id_max(); });
  for (const Experiment& experiment : all) {
    if (experiment.id <= id_max_) last_id_ = std::max(last_id_, experiment.id);
    files_.add_experiment(experiment.location, std::to_string(experiment.id));
  }
  for (const Experiment& experiment : all) {
    settle(experiment);
    ledger_.advance(1, 0);
  }
}

bool Takeover::is_here(const std::string& uri) const {
  if (!uri.starts_with("s3://")) return false;
  return target_.store.find_bucket(artifacts::parse_s3_uri(uri).bucket).has_value();
}

// In the transaction that writes it, so that a client who makes an experiment at the same time gets
// an id and a name of its own.
Takeover::Settled Takeover::place_for(db::Tx& tx, const Experiment& theirs, bool& is_new) {
  is_new = false;
  {
    db::Rows same = tx.query(
        "SELECT experiment_id, artifact_location FROM experiments WHERE workspace = 'default' AND "
        "name = ?",
        theirs.name);
    if (same.next()) return {same.integer(0), same.text(1)};
  }
  is_new = true;
  Settled settled{theirs.id, theirs.location};
  if (theirs.id > id_max_ ||
      tx.query("SELECT 1 FROM experiments WHERE experiment_id = ?", theirs.id).next()) {
    db::Rows last = tx.query("SELECT MAX(experiment_id) FROM experiments");
    last.next();
    // Beyond the source's own, so that none of those to come loses its id to this one.
    settled.id = std::max(last.integer(0), last_id_) + 1;
  }
  std::string why;
  if (!theirs.location.empty() && !is_here(theirs.location) &&
      files_.is_reachable(theirs.location, why)) {
    settled.location =
        tracking::append_uri_path(target_.default_artifact_root, std::to_string(settled.id));
  }
  return settled;
}

// The lab makes its Default by itself; as long as nothing is in it, the source's is as good.
void Takeover::take_default(db::Tx& tx, const Experiment& theirs) {
  for (const char* sql : {"SELECT 1 FROM runs WHERE experiment_id = 0 LIMIT 1",
                          "SELECT 1 FROM logged_models WHERE experiment_id = 0 LIMIT 1",
                          "SELECT 1 FROM trace_info WHERE experiment_id = 0 LIMIT 1"}) {
    if (tx.query(sql).next()) return;
  }
  source_.read([&](db::Tx& from) {
    db::Rows row = from.query(
        "SELECT lifecycle_stage, creation_time, last_update_time FROM experiments WHERE "
        "experiment_id = ?",
        theirs.id);
    if (!row.next()) return;
    tx.execute(
        "UPDATE experiments SET lifecycle_stage = ?, creation_time = COALESCE(?, creation_time), "
        "last_update_time = COALESCE(?, last_update_time) WHERE experiment_id = 0",
        row.text(0), row.maybe_integer(1), row.maybe_integer(2));
  });
}

// Where the files of the source's root go from now on.
void Takeover::map_root(const Experiment& theirs, const Settled& settled) {
  std::string why;
  if (theirs.location.empty() || is_here(theirs.location)) return;
  if (files_.is_reachable(theirs.location, why)) uris_.add(theirs.location, settled.location);
}

void Takeover::settle(const Experiment& theirs) {
  bool is_new = false;
  if (dry_run_) {
    const Settled settled =
        target_.database.read([&](db::Tx& tx) { return place_for(tx, theirs, is_new); });
    experiments_[theirs.id] = settled;
    map_root(theirs, settled);
  } else {
    copy_experiment(theirs, is_new);
  }
  const Settled& settled = experiments_.at(theirs.id);
  const std::string id = std::to_string(settled.id);
  const std::string name =
      "Experiment '" + theirs.name + "' (id " + std::to_string(theirs.id) + ")";
  if (settled.id != theirs.id) {
    const std::string_view why = theirs.id > id_max_
                                     ? "PostgreSQL keeps no id as large as its own."
                                     : "its own belongs to another experiment of the lab.";
    ledger_.note(is_new ? name + " gets the id " + id + ": " + std::string(why)
                        : name + " is merged into the lab's of that name, id " + id + ".");
  }
  if (is_new) {
    ledger_.add(1);
  } else {
    ledger_.present(1);
  }
  compare_experiment(theirs, dry_run_ && is_new);
}

void Takeover::copy_experiment(const Experiment& theirs, bool& is_new) {
  const Ids ids{std::to_string(theirs.id)};
  target_.database.write([&](db::Tx& to) {
    experiments_.erase(theirs.id);
    const Settled settled = place_for(to, theirs, is_new);
    if (!is_new && theirs.id == 0 && settled.id == 0) take_default(to, theirs);
    experiments_[theirs.id] = settled;
    map_root(theirs, settled);
    source_.read([&](db::Tx& from) {
      for (const Part& part : experiment_parts()) {
        if (part.table == "experiments" && !is_new) continue;
        PartRows rows(from, to, part);
        if (!rows.is_in_source()) continue;
        adapt(rows);
        const std::int64_t written = rows.copy(from, to, ids);
        if (part.table != "experiments") continue;
        if (written == 0) {
          throw Error(Code::temporarily_unavailable,
                      "A client of the lab made an experiment at the moment in which '" +
                          theirs.name + "' came. Run the same command again: it goes on.");
        }
        to.advance_ids("experiments", "experiment_id");
      }
      settle_datasets(from, to, theirs, settled);
    });
  });
}

// A dataset both know by name and digest has the lab's id.
void Takeover::settle_datasets(db::Tx& from,
                               db::Tx& to,
                               const Experiment& theirs,
                               const Settled& settled) {
  if (from.columns("datasets").empty()) return;
  db::Rows rows = from.query(
      "SELECT dataset_uuid, name, digest FROM datasets WHERE experiment_id = ?", theirs.id);
  while (rows.next()) {
    db::Rows same = to.query(
        "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?",
        settled.id, rows.view(1), rows.view(2));
    if (same.next() && same.view(0) != rows.view(0)) dataset_ids_[rows.text(0)] = same.text(0);
  }
}

void Takeover::compare_experiment(const Experiment& theirs, bool is_missing) {
  ledger_.compare("experiments", 1, is_missing ? 0 : 1);
  const Ids their_ids{std::to_string(theirs.id)};
  const Ids our_ids{std::to_string(experiments_.at(theirs.id).id)};
  std::int64_t differing = 0;
  source_.read([&](db::Tx& from) {
    target_.database.read([&](db::Tx& to) {
      for (const Part& part : experiment_parts()) {
        if (part.table == "experiments") continue;
        PartRows rows(from, to, part);
        if (!rows.is_in_source()) continue;
        adapt(rows);
        std::set<std::uint64_t> ours;
        if (!is_missing) {
          rows.for_each_in_target(to, our_ids,
                                  [&](std::string_view, std::uint64_t hash) { ours.insert(hash); });
        }
        std::int64_t found = 0;
        std::int64_t all = 0;
        rows.for_each_in_source(from, their_ids, [&](std::string_view, std::uint64_t hash) {
          ++all;
          found += ours.count(hash) == 0 ? 0 : 1;
        });
        // The lab's id of a dataset that both have is no difference.
        if (part.table == "datasets" && !is_missing && !dataset_ids_.empty()) {
          found = std::min(all, static_cast<std::int64_t>(ours.size()));
        }
        differing += all - found;
        ledger_.compare(part.counted, all, found);
      }
    });
  });
  if (differing > 0 && !is_missing && !dry_run_) {
    ledger_.different(std::to_string(theirs.id),
                      "Experiment '" + theirs.name +
                          "' has tags or datasets in the lab that differ from the source. The "
                          "lab's stay as they are.");
  }
}

void Takeover::compare_files(const FileTree& tree,
                             const artifacts::Location& root,
                             bool is_coming) {
  const FileCount theirs = count_files(tree);
  const FileCount ours = is_coming ? FileCount{} : count_stored(target_.store, tree, root);
  ledger_.compare("artifacts", theirs.files, ours.files);
  ledger_.compare("bytes", theirs.bytes, ours.bytes);
}

// Brings the files of a thing that is to come, and says where it has them from now on.
void Takeover::bring_files(const Roots& roots,
                           const std::string& id,
                           const Settled& settled,
                           const std::string& uri) {
  if (uri.empty() || is_here(uri)) return;
  std::string why;
  const auto tree = files_.find(uri, why);
  if (!tree) {
    ledger_.unreachable(
        id, "The files of " + roots.name + " " + id + " at " + uri + " stay there: " + why + ".");
    uris_.add(uri, uri);
    return;
  }
  auto moved = uris_.find(uri);
  if (!moved || *moved == uri) {
    const std::string location =
        tracking::append_uri_path(target_.default_artifact_root, std::to_string(settled.id));
    moved = tracking::append_uri_path(location, roots.folder + id + "/artifacts");
    uris_.add(uri, *moved);
  }
  const artifacts::Location root = artifacts::locate(target_.destination, *moved);
  if (!dry_run_) copy_files(target_.store, *tree, root, ledger_);
  compare_files(*tree, root, dry_run_);
}

// What is in the lab already has its files where the lab says.
void Takeover::follow(const Roots& roots, const Ids& present) {
  if (present.empty()) return;
  std::map<std::string, std::string> theirs;
  const auto into = [&](std::map<std::string, std::string>& uris) {
    return [&](db::Tx& tx) {
      db::Rows rows = tx.query_values(roots.sql, page_values(present));
      while (rows.next()) uris[rows.text(0)] = rows.text(2);
    };
  };
  std::map<std::string, std::string> ours;
  source_.read(into(theirs));
  target_.database.read(into(ours));
  for (const auto& [id, uri] : theirs) {
    const std::string& own = ours[id];
    if (uri.empty() || own.empty()) continue;
    if (uris_.find(uri) != own) uris_.add(uri, own);
    follow_files(roots, id, uri, own);
  }
}

// Files that could not be reached when the thing came are brought once they can.
void Takeover::follow_files(const Roots& roots,
                            const std::string& id,
                            const std::string& uri,
                            const std::string& own) {
  if (own == uri && is_here(uri)) return;
  std::string why = "that is not the lab's store";
  std::optional<artifacts::Location> root;
  try {
    root = artifacts::locate(target_.destination, own);
    if (!target_.store.find_bucket(root->bucket)) root.reset();
  } catch (const Error&) {
    root.reset();  // a scheme the lab's store does not keep
  }
  const auto tree = root ? files_.find(uri, why) : std::nullopt;
  if (!tree) {
    if (own == uri) {
      ledger_.unreachable(id, "The files of " + roots.name + " " + id + " at " + uri +
                                  " are not in the lab: " + why + ".");
    }
    return;
  }
  const bool has_none =
      !tree->files.empty() && count_stored(target_.store, *tree, *root).files == 0;
  if (has_none && !dry_run_) copy_files(target_.store, *tree, *root, ledger_);
  compare_files(*tree, *root, false);
}

Things::Prepare Takeover::prepare_with(const Roots& roots) {
  return [this, roots](const Ids& absent, const Ids& present) {
    follow(roots, present);
    if (absent.empty()) return Ids{};
    struct Coming {
      std::string id;
      std::int64_t experiment = 0;
      bool has_experiment = false;
      std::string uri;
    };
    std::vector<Coming> all;
    source_.read([&](db::Tx& tx) {
      db::Rows rows = tx.query_values(roots.sql, page_values(absent));
      while (rows.next()) {
        all.push_back({rows.text(0), rows.integer(1), !rows.is_null(1), rows.text(2)});
      }
    });
    Ids coming;
    for (const Coming& one : all) {
      const auto settled = experiments_.find(one.experiment);
      if (!one.has_experiment || settled == experiments_.end()) {
        ledger_.odd(one.id, roots.name + " " + one.id +
                                " was left out: its experiment is not among those taken over.");
        continue;
      }
      bring_files(roots, one.id, settled->second, one.uri);
      coming.push_back(one.id);
    }
    return coming;
  };
}

}  // namespace sandbox::import
