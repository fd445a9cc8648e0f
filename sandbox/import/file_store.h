// MLflow's file store, the directory mlruns that a new MLflow refuses, read into a database with
// MLflow's schema.
// Source of the rules: store/tracking/file_store.py, store/model_registry/file_store.py and the
// tool `mlflow migrate-filestore` (store/fs2db) of MLflow 3.17.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "sandbox/base/python_json.h"
#include "sandbox/db/database.h"
#include "sandbox/import/files.h"
#include "sandbox/import/ledger.h"

namespace sandbox::import {

struct MetricLine {
  std::int64_t timestamp = 0;
  double value = 0;
  std::int64_t step = 0;
  std::string run_id;  // these three of a logged model's metric only
  std::optional<std::string> dataset_name;
  std::optional<std::string> dataset_digest;
};
// "1700000000000 0.5 3", the step absent in the oldest; for a logged model with its run and
// dataset. nullopt for what is no such line.
std::optional<MetricLine> read_metric_line(std::string_view line, bool of_model);

class FileStore {
 public:
  // Throws Error(invalid_parameter_value) for a directory that is none of a file store.
  FileStore(const std::string& directory, Ledger& ledger);

  // Writes everything into an empty database. What cannot be read is told to the ledger, and the
  // rest goes on.
  void read_into(db::Database& database);
  // Where the artifacts are: in the directory itself, wherever it lies now, and else where `others`
  // finds them. Both must outlive what is answered.
  FileSource files(FileSource others);

 private:
  using Path = std::filesystem::path;

  void read_experiments(db::Tx& tx, const Path& parent);
  void read_experiment(db::Tx& tx, const Path& directory);
  void read_datasets(db::Tx& tx, const Path& directory, std::int64_t experiment);
  void read_run(db::Tx& tx, const Path& directory, std::int64_t experiment);
  void read_metrics(db::Tx& tx, const Path& directory, const std::string& run);
  void read_metric(db::Tx& tx, const Path& file, const std::string& key, const std::string& run);
  void read_inputs(db::Tx& tx, const Path& directory, const std::string& run);
  void read_outputs(db::Tx& tx, const Path& directory, const std::string& run);
  void read_model(db::Tx& tx, const Path& directory, std::int64_t experiment);
  void read_model_metrics(db::Tx& tx,
                          const Path& directory,
                          const std::string& model,
                          std::int64_t experiment);
  void read_trace(db::Tx& tx, const Path& directory, std::int64_t experiment);
  void read_assessment(db::Tx& tx, const Path& file, const std::string& trace);
  void read_registered_model(db::Tx& tx, const Path& directory);
  void read_version(db::Tx& tx, const Path& directory, const std::string& name);

  // nullopt, told to the ledger, for a file that is not there or is no YAML map.
  std::optional<PythonJson> meta_of(const Path& file);
  // Each file below the directory, with its path there as the key and what is in it.
  void for_each_text(
      const Path& directory,
      const std::function<void(const std::string& key, const std::string& text)>& take);
  [[nodiscard]] std::string shown(const Path& path) const;
  void odd(const Path& path, const std::string& what);

  Path root_;
  Ledger& ledger_;
  std::map<std::string, Path> places_;  // an experiment's artifact location -> its directory
  std::map<std::string, std::string> dataset_ids_;  // directory name -> id, of one experiment
  std::set<std::string> runs_;
};

}  // namespace sandbox::import
