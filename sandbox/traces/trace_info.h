// What is known of a trace beside its spans: where and when it ran, how it ended, its metadata,
// tags and assessments. Rows of MLflow's trace_info, trace_tags and trace_request_metadata.
// Source of the rules: MLflow 3.17's tracking store (store/tracking/sqlalchemy_store.py).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/fields_json.h"
#include "sandbox/db/database.h"
#include "sandbox/traces/assessments.h"

namespace sandbox::traces {

// Tags and metadata that mean something to the server.
inline constexpr std::string_view trace_name_tag = "mlflow.traceName";
inline constexpr std::string_view artifact_location_tag = "mlflow.artifactLocation";
inline constexpr std::string_view spans_location_tag = "mlflow.trace.spansLocation";
inline constexpr std::string_view linked_prompts_tag = "mlflow.linkedPrompts";
inline constexpr std::string_view tracking_store = "TRACKING_STORE";  // value of spans_location_tag
inline constexpr std::string_view session_metadata = "mlflow.trace.session";
inline constexpr std::string_view token_usage_metadata = "mlflow.trace.tokenUsage";
inline constexpr std::string_view cost_metadata = "mlflow.trace.cost";
inline constexpr std::string_view user_metadata = "mlflow.trace.user";
inline constexpr std::string_view finalized_metadata = "mlflow.trace.infoFinalized";
inline constexpr std::string_view size_stats_metadata = "mlflow.trace.sizeStats";
inline constexpr std::string_view source_run_metadata = "mlflow.sourceRun";

struct MlflowExperiment {
  std::string experiment_id;
  static constexpr auto fields() {
    return std::tuple{field("experiment_id", &MlflowExperiment::experiment_id)};
  }
};

struct LocationTypeWords : AnyNumber {
  static constexpr std::array<EnumWord, 3> words{
      {{"TRACE_LOCATION_TYPE_UNSPECIFIED", 0}, {"MLFLOW_EXPERIMENT", 1}, {"INFERENCE_TABLE", 2}}};
};

struct TraceLocation {
  Enum<LocationTypeWords> type{"MLFLOW_EXPERIMENT"};
  std::optional<MlflowExperiment> mlflow_experiment;
  static constexpr auto fields() {
    return std::tuple{field("type", &TraceLocation::type),
                      field("mlflow_experiment", &TraceLocation::mlflow_experiment)};
  }
};

struct TraceStateWords : AnyNumber {
  static constexpr std::array<EnumWord, 4> words{
      {{"STATE_UNSPECIFIED", 0}, {"OK", 1}, {"ERROR", 2}, {"IN_PROGRESS", 3}}};
};

struct TraceInfo {
  std::string trace_id;
  std::optional<std::string> client_request_id;
  TraceLocation trace_location;
  std::optional<std::string> request_preview;
  std::optional<std::string> response_preview;
  std::string request_time;                       // RFC 3339
  std::optional<std::string> execution_duration;  // "1.500s"
  Enum<TraceStateWords> state;
  TextMap trace_metadata;
  std::vector<Assessment> assessments;
  TextMap tags;
  static constexpr auto fields() {
    return std::tuple{field("trace_id", &TraceInfo::trace_id),
                      field("client_request_id", &TraceInfo::client_request_id),
                      field("trace_location", &TraceInfo::trace_location),
                      field("request_preview", &TraceInfo::request_preview),
                      field("response_preview", &TraceInfo::response_preview),
                      field("request_time", &TraceInfo::request_time, "RFC 3339."),
                      field("execution_duration", &TraceInfo::execution_duration,
                            "Seconds with an s, e.g. 1.500s."),
                      field("state", &TraceInfo::state),
                      field("trace_metadata", &TraceInfo::trace_metadata),
                      field("assessments", &TraceInfo::assessments),
                      field("tags", &TraceInfo::tags)};
  }

  // The two times as the database keeps them; not on the wire.
  std::int64_t timestamp_ms = 0;
  std::optional<std::int64_t> execution_time_ms;
};

// The columns trace_info_of reads, in its order.
inline constexpr std::string_view trace_info_columns =
    "trace_info.request_id, trace_info.experiment_id, trace_info.timestamp_ms, "
    "trace_info.execution_time_ms, trace_info.status, trace_info.client_request_id, "
    "trace_info.request_preview, trace_info.response_preview, trace_info.trace_name, "
    "trace_info.session_id, trace_info.input_tokens, trace_info.output_tokens, "
    "trace_info.total_tokens, trace_info.cache_read_input_tokens, "
    "trace_info.cache_creation_input_tokens, trace_info.cache_creation_input_tokens_above_1hr, "
    "trace_info.input_cost, trace_info.output_cost, trace_info.total_cost";
TraceInfo trace_info_of(const db::Rows& row);

// Tags, metadata and assessments of all these traces, with one query a table and page.
void read_trace_details(db::Tx& tx, std::vector<TraceInfo>& infos);

// nullopt when there is no such trace.
std::optional<TraceInfo> find_trace_info(db::Tx& tx, const std::string& trace_id);
// In the order of the ids; unknown ones are left out. With `experiment_ids`, only what lies there.
std::vector<TraceInfo> find_trace_infos(
    db::Tx& tx,
    const std::vector<std::string>& trace_ids,
    const std::optional<std::vector<std::string>>& experiment_ids = std::nullopt);

// Session, token usage and cost live in columns and are shown as metadata.
bool is_column_metadata(std::string_view key);

[[noreturn]] void no_trace(const std::string& trace_id);

}  // namespace sandbox::traces
