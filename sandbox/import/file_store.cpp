#include "sandbox/import/file_store.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/base/yaml.h"
#include "sandbox/import/file_store_meta.h"
#include "sandbox/import/metric_points.h"
#include "sandbox/import/trace_columns.h"
#include "sandbox/import/uris.h"

namespace sandbox::import {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view meta_file = "meta.yaml";

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw fs::filesystem_error("", file, std::make_error_code(std::errc::io_error));
  return text.str();
}

}  // namespace

std::optional<MetricLine> read_metric_line(std::string_view line, bool of_model) {
  const std::vector<std::string> words = split(trim(line), ' ');
  if (words.size() < 2 || (of_model && words.size() != 4 && words.size() != 6)) {
    return std::nullopt;
  }
  MetricLine read;
  const auto timestamp = parse_int64(words[0]);
  const auto value = python_number(words[1]);
  const auto step = words.size() > 2 ? parse_int64(words[2]) : std::optional<std::int64_t>(0);
  if (!timestamp || !value || !step) return std::nullopt;
  read.timestamp = *timestamp;
  read.value = *value;
  read.step = *step;
  if (of_model) {
    read.run_id = words[3];
    if (words.size() == 6) {
      read.dataset_name = words[4];
      read.dataset_digest = words[5];
    }
  }
  return read;
}

FileStore::FileStore(const std::string& directory, Ledger& ledger)
    : root_(directory), ledger_(ledger) {
  std::error_code unreadable;
  if (!fs::is_directory(root_, unreadable)) {
    throw Error(Code::invalid_parameter_value,
                "'" + directory +
                    "' is no directory that can be read. Name the directory mlruns "
                    "of the other MLflow.");
  }
  bool is_store = false;
  try {
    for (const fs::path& one : subdirectories(root_)) {
      const std::string name = one.filename().string();
      is_store = is_store || name == ".trash" || name == "models" ||
                 (parse_int64(name) && fs::exists(one / meta_file));
    }
  } catch (const fs::filesystem_error& failure) {
    throw Error(Code::invalid_parameter_value,
                "The directory '" + directory + "' cannot be read: " + failure.code().message() +
                    ". Give the user that runs the lab the right to read it.");
  }
  if (!is_store) {
    throw Error(Code::invalid_parameter_value,
                "'" + directory +
                    "' is no MLflow file store: no directory in it is an experiment "
                    "(0, 1, … with a meta.yaml). Name the directory mlruns itself.");
  }
}

std::string FileStore::shown(const Path& path) const {
  return path.lexically_relative(root_.parent_path()).string();
}

void FileStore::odd(const Path& path, const std::string& what) {
  ledger_.odd(shown(path), shown(path) + " was left out: " + what + ".");
}

std::optional<PythonJson> FileStore::meta_of(const Path& file) {
  try {
    if (!fs::exists(file)) {
      odd(file.parent_path(), "it has no " + file.filename().string());
      return std::nullopt;
    }
    PythonJson meta = read_yaml(read_text(file));
    if (meta.is_object()) return meta;
    odd(file, "it is empty or no list of names and values");
  } catch (const Error& error) {
    odd(file, error.message());
  } catch (const fs::filesystem_error& failure) {
    odd(file, "it cannot be read (" + failure.code().message() + ")");
  }
  return std::nullopt;
}

void FileStore::for_each_text(
    const Path& directory,
    const std::function<void(const std::string& key, const std::string& text)>& take) {
  std::error_code absent;
  if (!fs::is_directory(directory, absent)) return;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    const std::string key = entry.path().lexically_relative(directory).generic_string();
    try {
      std::string text = read_text(entry.path());
      if (is_valid_utf8(text) && is_valid_utf8(key)) {
        take(key, text);
      } else {
        odd(entry.path(), "it is no UTF-8 text");
      }
    } catch (const fs::filesystem_error& failure) {
      odd(entry.path(), "it cannot be read (" + failure.code().message() + ")");
    }
  }
}

void FileStore::read_into(db::Database& database) {
  try {
    database.write([&](db::Tx& tx) {
      runs_.clear();
      places_.clear();
      read_experiments(tx, root_);
      read_experiments(tx, root_ / ".trash");
      for (const fs::path& model : subdirectories(root_ / "models")) {
        read_registered_model(tx, model);
      }
      fill_trace_columns(tx);
    });
  } catch (const fs::filesystem_error& failure) {
    throw Error(Code::invalid_parameter_value,
                failure.path1().string() + " cannot be read: " + failure.code().message() +
                    ". Give the user that runs the lab the right to read it; nothing was changed.");
  }
}

void FileStore::read_experiments(db::Tx& tx, const Path& parent) {
  for (const fs::path& directory : subdirectories(parent)) {
    const std::string name = directory.filename().string();
    if (parent == root_ && (name == ".trash" || name == "models")) continue;
    if (parse_int64(name)) {
      read_experiment(tx, directory);
    } else {
      odd(directory, "its name is no experiment id");
    }
  }
}

void FileStore::read_experiment(db::Tx& tx, const Path& directory) {
  const std::string id = directory.filename().string();
  const std::int64_t number = parse_int64(id).value_or(0);
  const auto meta = meta_of(directory / meta_file);
  if (!meta) return;
  if (meta_text(*meta, "experiment_id").value_or(id) != id) {
    return odd(directory,
               "its meta.yaml is that of experiment " + *meta_text(*meta, "experiment_id"));
  }
  const std::string location = meta_text(*meta, "artifact_location").value_or("");
  const bool is_new =
      tx.execute(
          "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
          "creation_time, last_update_time) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
          number, meta_text(*meta, "name").value_or("experiment_" + id), location,
          meta_text(*meta, "lifecycle_stage").value_or("active"),
          meta_integer(*meta, "creation_time"), meta_integer(*meta, "last_update_time")) == 1;
  if (!is_new) return odd(directory, "another experiment has its id or its name");
  places_[std::string(without_slash(location))] = directory;
  for_each_text(directory / "tags", [&](const std::string& key, const std::string& text) {
    tx.execute("INSERT INTO experiment_tags (\"key\", value, experiment_id) VALUES (?, ?, ?)", key,
               text, number);
  });
  read_datasets(tx, directory / "datasets", number);
  for (const fs::path& one : subdirectories(directory)) {
    const std::string name = one.filename().string();
    if (name == "tags" || name == "datasets" || name == "traces" || name == "models" ||
        name == ".trash") {
      continue;
    }
    read_run(tx, one, number);
    ledger_.advance(0, 0);
  }
  for (const fs::path& one : subdirectories(directory / "models")) read_model(tx, one, number);
  for (const fs::path& one : subdirectories(directory / "traces")) read_trace(tx, one, number);
}

void FileStore::read_datasets(db::Tx& tx, const Path& directory, std::int64_t experiment) {
  dataset_ids_.clear();
  for (const fs::path& one : subdirectories(directory)) {
    const auto meta = meta_of(one / meta_file);
    if (!meta) continue;
    const std::string folder = one.filename().string();
    const std::string id = meta_text(*meta, "dataset_uuid")
                               .value_or(made_id(std::to_string(experiment) + "/" +
                                                 meta_text(*meta, "name").value_or("") + "/" +
                                                 meta_text(*meta, "digest").value_or("")));
    dataset_ids_[folder] = id;
    tx.execute(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, "
        "dataset_source, dataset_schema, dataset_profile) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON "
        "CONFLICT DO NOTHING",
        id, experiment, meta_text(*meta, "name").value_or(""),
        meta_text(*meta, "digest").value_or(""), meta_text(*meta, "source_type").value_or(""),
        meta_text(*meta, "source").value_or(""), meta_text(*meta, "schema"),
        meta_text(*meta, "profile"));
  }
}

void FileStore::read_run(db::Tx& tx, const Path& directory, std::int64_t experiment) {
  const auto meta = meta_of(directory / meta_file);
  if (!meta) return;
  const std::string folder = directory.filename().string();
  const std::string run =
      meta_text(*meta, "run_uuid").value_or(meta_text(*meta, "run_id").value_or(folder));
  const std::string own_experiment = std::to_string(experiment);
  if (run != folder) return odd(directory, "its meta.yaml is that of run " + run);
  if (meta_text(*meta, "experiment_id").value_or(own_experiment) != own_experiment) {
    return odd(directory, "its meta.yaml says that it belongs to experiment " +
                              *meta_text(*meta, "experiment_id"));
  }
  const auto status = run_status(*meta);
  if (!status) return odd(directory, "its meta.yaml has no status that MLflow knows");
  std::map<std::string, std::string> tags;
  for_each_text(directory / "tags",
                [&](const std::string& key, const std::string& text) { tags[key] = text; });
  auto name = meta_text(*meta, "run_name");
  if (!name || name->empty()) name = meta_text(*meta, "name");
  if ((!name || name->empty()) && tags.count("mlflow.runName") != 0) name = tags["mlflow.runName"];
  tx.execute(
      "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, "
      "status, start_time, end_time, deleted_time, source_version, lifecycle_stage, artifact_uri, "
      "experiment_id) VALUES (?, ?, 'LOCAL', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      run, name, meta_text(*meta, "source_name").value_or(""),
      meta_text(*meta, "entry_point_name").value_or(""), meta_text(*meta, "user_id"), *status,
      meta_integer(*meta, "start_time"), meta_integer(*meta, "end_time"),
      meta_integer(*meta, "deleted_time"), meta_text(*meta, "source_version").value_or(""),
      meta_text(*meta, "lifecycle_stage").value_or("active"), meta_text(*meta, "artifact_uri"),
      experiment);
  runs_.insert(run);
  for (const auto& [key, text] : tags) {
    tx.execute("INSERT INTO tags (\"key\", value, run_uuid) VALUES (?, ?, ?)", key, text, run);
  }
  for_each_text(directory / "params", [&](const std::string& key, const std::string& text) {
    tx.execute("INSERT INTO params (\"key\", value, run_uuid) VALUES (?, ?, ?)", key, text, run);
  });
  read_metrics(tx, directory / "metrics", run);
  read_inputs(tx, directory / "inputs", run);
  read_outputs(tx, directory / "outputs", run);
}

void FileStore::read_metrics(db::Tx& tx, const Path& directory, const std::string& run) {
  std::error_code absent;
  if (!fs::is_directory(directory, absent)) return;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    read_metric(tx, entry.path(), entry.path().lexically_relative(directory).generic_string(), run);
  }
}

void FileStore::read_metric(db::Tx& tx,
                            const Path& file,
                            const std::string& key,
                            const std::string& run) {
  std::ifstream in(file);
  std::optional<Point> latest;
  std::int64_t wrong = 0;
  std::int64_t doubled = 0;
  for (std::string line; std::getline(in, line);) {
    const auto read = read_metric_line(line, false);
    if (!read) {
      ++wrong;
      continue;
    }
    const Point point(read->value, read->timestamp, read->step);
    if (!insert_point(tx, run, key, point)) ++doubled;
    if (!latest || point.is_later_than(*latest)) latest = point;
  }
  if (wrong > 0) {
    ledger_.odd(shown(file), std::to_string(wrong) + (wrong == 1 ? " line of " : " lines of ") +
                                 shown(file) + " left out: no timestamp, value and step.");
  }
  if (doubled > 0) {
    ledger_.note(shown(file) + " has " + std::to_string(doubled) +
                 " points twice; a database keeps each once.");
  }
  if (!latest) {
    if (wrong == 0) odd(file, "it has no point");
    return;
  }
  insert_latest_point(tx, run, key, *latest);
}

void FileStore::read_inputs(db::Tx& tx, const Path& directory, const std::string& run) {
  for (const fs::path& one : subdirectories(directory)) {
    const auto meta = meta_of(one / meta_file);
    if (!meta) continue;
    const std::string id = made_id(run + "/inputs/" + one.filename().string());
    const std::string type = meta_text(*meta, "source_type").value_or("DATASET");
    const std::string source = meta_text(*meta, "source_id").value_or("");
    if (type.find("MODEL") != std::string::npos || type == "2") {
      tx.execute(
          "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
          "destination_id) VALUES (?, 'RUN_INPUT', ?, 'MODEL_INPUT', ?) ON CONFLICT DO NOTHING",
          id, run, source);
      continue;
    }
    const auto dataset = dataset_ids_.find(source);
    if (dataset == dataset_ids_.end()) {
      odd(one, "its dataset '" + source + "' is not in the experiment");
      continue;
    }
    tx.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
        "destination_id) VALUES (?, 'DATASET', ?, 'RUN', ?) ON CONFLICT DO NOTHING",
        id, dataset->second, run);
    if (const PythonJson* tags = meta->find("tags")) {
      for (const auto& tag : tags->members) {
        tx.execute(
            "INSERT INTO input_tags (input_uuid, name, value) VALUES (?, ?, ?) ON CONFLICT "
            "DO NOTHING",
            id, tag.name, tag.value.str());
      }
    }
  }
}

void FileStore::read_outputs(db::Tx& tx, const Path& directory, const std::string& run) {
  for (const fs::path& one : subdirectories(directory)) {
    const auto meta = meta_of(one / meta_file);
    if (!meta) continue;
    const std::string model = one.filename().string();
    tx.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, "
        "step) VALUES (?, 'RUN_OUTPUT', ?, 'MODEL_OUTPUT', ?, ?) ON CONFLICT DO NOTHING",
        made_id(run + "/outputs/" + model), run, model, meta_integer(*meta, "step").value_or(0));
  }
}

FileSource FileStore::files(FileSource others) {
  // The directory of the experiment that a URI lies in, and the rest of the URI.
  const auto inside = [this](const std::string& uri) -> std::optional<fs::path> {
    std::string_view root = without_slash(uri);
    while (!root.empty()) {
      const auto found = places_.find(std::string(root));
      if (found != places_.end())
        return found->second / fs::path(uri.substr(root.size())).relative_path();
      const std::size_t slash = root.rfind('/');
      if (slash == std::string_view::npos) break;
      root = root.substr(0, slash);
    }
    return std::nullopt;
  };
  FileSource source = others;
  source.is_reachable = [inside, others](const std::string& uri, std::string& why) {
    std::error_code absent;
    const auto own = local_path(uri, "/") ? inside(uri) : std::nullopt;
    return (own && fs::is_directory(*own, absent)) || others.is_reachable(uri, why);
  };
  source.find = [inside, others](const std::string& uri,
                                 std::string& why) -> std::optional<FileTree> {
    std::error_code absent;
    const auto own = local_path(uri, "/") ? inside(uri) : std::nullopt;
    try {
      if (own && fs::is_directory(*own, absent)) return tree_below(*own);
    } catch (const fs::filesystem_error& failure) {
      why = "they cannot be read: " + failure.code().message() + " (" + failure.path1().string() +
            ")";
      return std::nullopt;
    }
    if (auto elsewhere = others.find(uri, why)) return elsewhere;
    if (own && fs::is_directory(own->parent_path(), absent)) return FileTree{};
    return std::nullopt;
  };
  return source;
}

}  // namespace sandbox::import
