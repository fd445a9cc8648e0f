// Where MLflow's tables say that files lie. Source of the list: the columns in which MLflow 3.17's
// stores keep an artifact URI, and those in which its clients do.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sandbox::artifacts {

struct UriColumn {
  std::string_view table;
  std::string_view column;
  std::string_view name;            // "table.column"
  std::string_view only_key = {};   // in a table of keys and values, the key; else ""
  std::int64_t characters_max = 0;  // of the column, 0 for any number
  bool is_json = false;             // URIs are strings inside, else the whole value is one
  bool has_json_type = false;       // PostgreSQL takes no text for it
};

inline constexpr std::array uri_columns{
    UriColumn{"experiments", "artifact_location", "experiments.artifact_location", "", 256},
    UriColumn{"runs", "artifact_uri", "runs.artifact_uri", "", 200},
    UriColumn{"logged_models", "artifact_location", "logged_models.artifact_location", "", 1000},
    UriColumn{"model_versions", "source", "model_versions.source", "", 500},
    UriColumn{"model_versions", "storage_location", "model_versions.storage_location", "", 500},
    UriColumn{"trace_tags", "value", "trace_tags.value", "mlflow.artifactLocation", 8000},
    UriColumn{"trace_tags", "value", "trace_tags.value", "mlflow.trace.archiveLocation", 8000},
    UriColumn{"workspaces", "default_artifact_root", "workspaces.default_artifact_root"},
    UriColumn{"workspaces", "trace_archival_location", "workspaces.trace_archival_location"},
    UriColumn{"datasets", "dataset_source", "datasets.dataset_source", "", 0, true},
    UriColumn{"tags", "value", "tags.value", "mlflow.log-model.history", 8000, true},
    UriColumn{"evaluation_dataset_records", "source", "evaluation_dataset_records.source", "", 0,
              true, true},
};

}  // namespace sandbox::artifacts
