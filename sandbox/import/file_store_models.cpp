#include "sandbox/base/text.h"
#include "sandbox/import/assessment_row.h"
#include "sandbox/import/file_store.h"
#include "sandbox/import/file_store_meta.h"

namespace sandbox::import {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view meta_file = "meta.yaml";
constexpr std::int64_t ready_status = 2;

std::int64_t model_status(const PythonJson& meta) {
  if (const auto number = meta_integer(meta, "status")) return *number;
  const std::string word = meta_text(meta, "status").value_or("READY");
  if (word == "PENDING") return 1;
  if (word == "FAILED" || word == "UPLOAD_FAILED") return 3;
  return ready_status;
}

}  // namespace

void FileStore::read_model(db::Tx& tx, const Path& directory, std::int64_t experiment) {
  const auto meta = meta_of(directory / meta_file);
  if (!meta) return;
  const std::string id = directory.filename().string();
  if (meta_text(*meta, "model_id").value_or(id) != id) {
    return odd(directory, "its meta.yaml is that of model " + *meta_text(*meta, "model_id"));
  }
  tx.execute(
      "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, "
      "creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type, "
      "source_run_id, status_message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      id, experiment, meta_text(*meta, "name").value_or(""),
      meta_text(*meta, "artifact_location").value_or(""),
      meta_integer(*meta, "creation_timestamp").value_or(0),
      meta_integer(*meta, "last_updated_timestamp").value_or(0), model_status(*meta),
      meta_text(*meta, "lifecycle_stage").value_or("active"), meta_text(*meta, "model_type"),
      meta_text(*meta, "source_run_id"), meta_text(*meta, "status_message"));
  for_each_text(directory / "params", [&](const std::string& key, const std::string& text) {
    tx.execute(
        "INSERT INTO logged_model_params (model_id, experiment_id, param_key, param_value) VALUES "
        "(?, ?, ?, ?)",
        id, experiment, key, text);
  });
  for_each_text(directory / "tags", [&](const std::string& key, const std::string& text) {
    tx.execute(
        "INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value) VALUES (?, ?, "
        "?, ?)",
        id, experiment, key, text);
  });
  read_model_metrics(tx, directory / "metrics", id, experiment);
}

void FileStore::read_model_metrics(db::Tx& tx,
                                   const Path& directory,
                                   const std::string& model,
                                   std::int64_t experiment) {
  for_each_text(directory, [&](const std::string& key, const std::string& text) {
    std::int64_t wrong = 0;
    for (const std::string& line : split(text, '\n')) {
      if (trim(line).empty()) continue;
      const auto read = read_metric_line(line, true);
      // A model's metric belongs to a run; one whose run was removed for good has no place.
      if (!read || runs_.count(read->run_id) == 0) {
        ++wrong;
        continue;
      }
      tx.execute(
          "INSERT INTO logged_model_metrics (model_id, metric_name, metric_timestamp_ms, "
          "metric_step, metric_value, experiment_id, run_id, dataset_name, dataset_digest) VALUES "
          "(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
          model, key, read->timestamp, read->step, read->value, experiment, read->run_id,
          read->dataset_name, read->dataset_digest);
    }
    if (wrong > 0) {
      odd(directory / key,
          std::to_string(wrong) + " of its lines, which are no points of a run that is there");
    }
  });
}

void FileStore::read_trace(db::Tx& tx, const Path& directory, std::int64_t experiment) {
  const auto meta = meta_of(directory / "trace_info.yaml");
  if (!meta) return;
  std::string id = directory.filename().string();
  for (const char* name : {"request_id", "trace_id"}) {
    if (const auto own = meta_text(*meta, name)) id = *own;
  }
  auto time = meta_time(*meta, "timestamp_ms");
  if (!time) time = meta_time(*meta, "request_time");
  auto duration = meta_integer(*meta, "execution_time_ms");
  if (!duration) duration = meta_integer(*meta, "execution_duration_ms");
  auto status = meta_text(*meta, "status");
  if (!status) status = meta_text(*meta, "state");
  tx.execute(
      "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, "
      "client_request_id, request_preview, response_preview) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      id, experiment, time.value_or(0), duration, status.value_or("OK"),
      meta_text(*meta, "client_request_id"), meta_text(*meta, "request_preview"),
      meta_text(*meta, "response_preview"));
  for_each_text(directory / "tags", [&](const std::string& key, const std::string& text) {
    tx.execute("INSERT INTO trace_tags (\"key\", value, request_id) VALUES (?, ?, ?)", key, text,
               id);
  });
  for_each_text(directory / "request_metadata",
                [&](const std::string& key, const std::string& text) {
                  tx.execute(
                      "INSERT INTO trace_request_metadata (\"key\", value, request_id) VALUES (?, "
                      "?, ?)",
                      key, text, id);
                });
  std::error_code absent;
  if (!fs::is_directory(directory / "assessments", absent)) return;
  for (const auto& entry : fs::directory_iterator(directory / "assessments")) {
    if (entry.path().extension() == ".yaml") read_assessment(tx, entry.path(), id);
  }
}

void FileStore::read_assessment(db::Tx& tx, const Path& file, const std::string& trace) {
  const auto meta = meta_of(file);
  if (!meta || insert_assessment(tx, *meta, trace, file.stem().string())) return;
  odd(file, "it is neither feedback nor an expectation");
}

void FileStore::read_registered_model(db::Tx& tx, const Path& directory) {
  const auto meta = meta_of(directory / meta_file);
  if (!meta) return;
  const std::string name = meta_text(*meta, "name").value_or(directory.filename().string());
  if (tx.execute("INSERT INTO registered_models (name, creation_time, last_updated_time, "
                 "description) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                 name, meta_integer(*meta, "creation_timestamp"),
                 meta_integer(*meta, "last_updated_timestamp"),
                 meta_text(*meta, "description")) == 0) {
    return odd(directory, "another registered model has its name");
  }
  for_each_text(directory / "tags", [&](const std::string& key, const std::string& text) {
    tx.execute("INSERT INTO registered_model_tags (\"key\", value, name) VALUES (?, ?, ?)", key,
               text, name);
  });
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string folder = entry.path().filename().string();
    if (entry.is_directory() && folder.starts_with("version-")) {
      read_version(tx, entry.path(), name);
    }
  }
  for_each_text(directory / "aliases", [&](const std::string& alias, const std::string& text) {
    const auto version = parse_int64(trim(text));
    if (!version) return odd(directory / "aliases" / alias, "it names no version");
    tx.execute("INSERT INTO registered_model_aliases (alias, version, name) VALUES (?, ?, ?)",
               alias, *version, name);
  });
}

void FileStore::read_version(db::Tx& tx, const Path& directory, const std::string& name) {
  const auto meta = meta_of(directory / meta_file);
  if (!meta) return;
  const auto version = meta_integer(*meta, "version");
  if (!version) return odd(directory, "its meta.yaml has no version");
  tx.execute(
      "INSERT INTO model_versions (name, version, creation_time, last_updated_time, description, "
      "user_id, current_stage, source, run_id, status, status_message, run_link, "
      "storage_location) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      name, *version, meta_integer(*meta, "creation_timestamp"),
      meta_integer(*meta, "last_updated_timestamp"), meta_text(*meta, "description"),
      meta_text(*meta, "user_id"), meta_text(*meta, "current_stage").value_or("None"),
      meta_text(*meta, "source"), meta_text(*meta, "run_id"),
      meta_text(*meta, "status").value_or("READY"), meta_text(*meta, "status_message"),
      meta_text(*meta, "run_link"), meta_text(*meta, "storage_location"));
  for_each_text(directory / "tags", [&](const std::string& key, const std::string& text) {
    tx.execute("INSERT INTO model_version_tags (\"key\", value, name, version) VALUES (?, ?, ?, ?)",
               key, text, name, *version);
  });
}

}  // namespace sandbox::import
