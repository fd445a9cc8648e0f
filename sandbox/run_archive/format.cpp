#include "sandbox/run_archive/format.h"

#include <array>

#include "sandbox/base/text.h"

namespace sandbox::run_archive {
namespace {

using enum Column::Kind;

constexpr std::array run_columns{
    Column{"run_uuid"},
    Column{"name"},
    Column{"source_type"},
    Column{"source_name"},
    Column{"entry_point_name"},
    Column{"user_id"},
    Column{"status"},
    Column{"start_time", integer},
    Column{"end_time", integer},
    Column{"source_version"},
};
constexpr std::array param_columns{Column{"key"}, Column{"value"}, Column{"run_uuid"}};
constexpr std::array metric_columns{
    Column{"key"},      Column{"value", real},   Column{"timestamp", integer},
    Column{"run_uuid"}, Column{"step", integer}, Column{"is_nan", flag}};
constexpr std::array dataset_columns{Column{"dataset_uuid"},   Column{"name"},
                                     Column{"digest"},         Column{"dataset_source_type"},
                                     Column{"dataset_source"}, Column{"dataset_schema"},
                                     Column{"dataset_profile"}};
constexpr std::array input_columns{Column{"input_uuid"},     Column{"source_type"},
                                   Column{"source_id"},      Column{"destination_type"},
                                   Column{"destination_id"}, Column{"step", integer}};
constexpr std::array input_tag_columns{Column{"input_uuid"}, Column{"name"}, Column{"value"}};
constexpr std::array model_columns{
    Column{"model_id"},        Column{"name"},       Column{"creation_timestamp_ms", integer},
    Column{"status", integer}, Column{"model_type"}, Column{"source_run_id"},
    Column{"status_message"}};
constexpr std::array model_param_columns{Column{"model_id"}, Column{"param_key"},
                                         Column{"param_value"}};
constexpr std::array model_tag_columns{Column{"model_id"}, Column{"tag_key"}, Column{"tag_value"}};
constexpr std::array model_metric_columns{Column{"model_id"},
                                          Column{"metric_name"},
                                          Column{"metric_timestamp_ms", integer},
                                          Column{"metric_step", integer},
                                          Column{"metric_value", real},
                                          Column{"run_id"},
                                          Column{"dataset_uuid"},
                                          Column{"dataset_name"},
                                          Column{"dataset_digest"}};

constexpr std::array<std::string_view, 4> run_places{"experiment_id", "artifact_uri",
                                                     "lifecycle_stage", "deleted_time"};
constexpr std::array<std::string_view, 4> model_places{
    "experiment_id", "artifact_location", "lifecycle_stage", "last_updated_timestamp_ms"};
constexpr std::array<std::string_view, 1> experiment_place{"experiment_id"};

constexpr std::string_view of_models =
    "model_id IN (SELECT model_id FROM logged_models WHERE source_run_id = ?)";

constexpr std::array all{
    Table{"runs", run_columns, "run_uuid = ?", 1, run_places},
    Table{"params", param_columns, "run_uuid = ?", 1, {}},
    Table{"tags", param_columns, "run_uuid = ?", 1, {}},
    Table{"metrics", metric_columns, "run_uuid = ?", 1, {}},
    Table{"latest_metrics", metric_columns, "run_uuid = ?", 1, {}},
    Table{"datasets", dataset_columns,
          "dataset_uuid IN (SELECT source_id FROM inputs WHERE source_type = 'DATASET' AND "
          "destination_type = 'RUN' AND destination_id = ?)",
          1, experiment_place},
    Table{"inputs",
          input_columns,
          "(destination_type = 'RUN' AND destination_id = ?) OR (source_type IN ('RUN_INPUT', "
          "'RUN_OUTPUT') AND source_id = ?)",
          2,
          {}},
    Table{"input_tags",
          input_tag_columns,
          "input_uuid IN (SELECT input_uuid FROM inputs WHERE destination_type = 'RUN' AND "
          "destination_id = ?)",
          1,
          {}},
    Table{"logged_models", model_columns, "source_run_id = ?", 1, model_places},
    Table{"logged_model_params", model_param_columns, of_models, 1, experiment_place},
    Table{"logged_model_tags", model_tag_columns, of_models, 1, experiment_place},
    Table{"logged_model_metrics", model_metric_columns,
          "run_id = ? AND model_id IN (SELECT model_id FROM logged_models WHERE source_run_id = ?)",
          2, experiment_place},
};

}  // namespace

const std::span<const Table> tables{all};

void Running::begin(const std::string& name, std::uint64_t bytes) {
  digest_.update(name);
  digest_.update(std::string_view("\0", 1));
  digest_.update(std::to_string(bytes));
  digest_.update(std::string_view("\0", 1));
}

std::string Running::finish() {
  return hex(digest_.finish());
}

}  // namespace sandbox::run_archive
