#include "sandbox/traces/trace_info.h"

#include <algorithm>
#include <unordered_map>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/analytics.h"
#include "sandbox/traces/id_batches.h"
#include "sandbox/traces/times.h"
#include "sandbox/tracking/names.h"

namespace sandbox::traces {
namespace {

// On the wire keys and values are cut, whatever the database holds.
constexpr std::size_t shown_key_max = 250;
constexpr std::size_t shown_metadata_max = 250;
constexpr std::size_t shown_tag_max = 4096;

std::string cut(std::string_view text, std::size_t characters) {
  return std::string(text.size() <= characters ? text : utf8_prefix(text, characters));
}

void show_columns(const db::Rows& row, int first, TraceInfo& info) {
  if (!row.is_null(first)) {
    info.trace_metadata[std::string(session_metadata)] = cut(row.view(first), shown_metadata_max);
  }
  TokenCounts counts;
  int column = first + 1;
  for (auto& count : counts) count = row.maybe_integer(column++);
  Costs costs;
  for (auto& cost : costs) {
    if (!row.is_null(column)) cost = row.real(column);
    ++column;
  }
  if (std::string json = to_json(counts); !json.empty()) {
    info.trace_metadata[std::string(token_usage_metadata)] = cut(json, shown_metadata_max);
  }
  if (std::string json = to_json(costs); !json.empty()) {
    info.trace_metadata[std::string(cost_metadata)] = cut(json, shown_metadata_max);
  }
}

using ById = std::unordered_map<std::string_view, TraceInfo*>;

void read_batch(db::Tx& tx, const std::vector<db::Value>& ids, const ById& by_id) {
  const std::string marks = question_marks(ids.size());
  db::Rows tags = tx.query_values(
      "SELECT request_id, \"key\", value FROM trace_tags WHERE request_id IN (" + marks + ")", ids);
  while (tags.next()) {
    if (tags.view(1) == trace_name_tag) continue;
    by_id.at(tags.view(0))
        ->tags.insert_or_assign(cut(tags.view(1), shown_key_max), cut(tags.view(2), shown_tag_max));
  }
  db::Rows metadata = tx.query_values(
      "SELECT request_id, \"key\", value FROM trace_request_metadata WHERE request_id IN (" +
          marks + ")",
      ids);
  while (metadata.next()) {
    if (is_column_metadata(metadata.view(1))) continue;
    by_id.at(metadata.view(0))
        ->trace_metadata.insert_or_assign(cut(metadata.view(1), shown_key_max),
                                          cut(metadata.view(2), shown_metadata_max));
  }
  for (auto& [trace_id, assessments] : read_assessments(tx, ids)) {
    by_id.at(trace_id)->assessments = std::move(assessments);
  }
}

}  // namespace

bool is_column_metadata(std::string_view key) {
  return key == session_metadata || key == token_usage_metadata || key == cost_metadata;
}

void no_trace(const std::string& trace_id) {
  throw Error(Code::resource_does_not_exist, "Trace with ID '" + trace_id + "' not found.");
}

TraceInfo trace_info_of(const db::Rows& row) {
  TraceInfo info;
  info.trace_id = row.text(0);
  info.trace_location.mlflow_experiment = MlflowExperiment{std::to_string(row.integer(1))};
  info.timestamp_ms = row.integer(2);
  info.request_time = timestamp_text(info.timestamp_ms);
  info.execution_time_ms = row.maybe_integer(3);
  if (info.execution_time_ms) info.execution_duration = duration_text(*info.execution_time_ms);
  info.state = Enum<TraceStateWords>::of(row.view(4));
  info.client_request_id = row.maybe_text(5);
  info.request_preview = row.maybe_text(6);
  info.response_preview = row.maybe_text(7);
  if (!row.is_null(8)) info.tags[std::string(trace_name_tag)] = cut(row.view(8), shown_tag_max);
  show_columns(row, 9, info);
  return info;
}

void read_trace_details(db::Tx& tx, std::vector<TraceInfo>& infos) {
  ById by_id;
  std::vector<std::string_view> ids;
  ids.reserve(infos.size());
  for (TraceInfo& info : infos) {
    by_id.emplace(info.trace_id, &info);
    ids.push_back(info.trace_id);
  }
  for_each_batch(ids, [&](const std::vector<db::Value>& batch) { read_batch(tx, batch, by_id); });
}

std::optional<TraceInfo> find_trace_info(db::Tx& tx, const std::string& trace_id) {
  std::vector<TraceInfo> found = find_trace_infos(tx, {trace_id});
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<TraceInfo> find_trace_infos(
    db::Tx& tx,
    const std::vector<std::string>& trace_ids,
    const std::optional<std::vector<std::string>>& experiment_ids) {
  std::vector<std::string> wanted_experiments;
  for (const std::string& id : experiment_ids.value_or(std::vector<std::string>{})) {
    wanted_experiments.push_back(std::to_string(tracking::parse_experiment_id(id)));
  }
  std::unordered_map<std::string, TraceInfo> found;
  for_each_batch(trace_ids, [&](const std::vector<db::Value>& batch) {
    db::Rows rows = tx.query_values("SELECT " + std::string(trace_info_columns) +
                                        " FROM trace_info WHERE request_id IN (" +
                                        question_marks(batch.size()) + ")",
                                    batch);
    while (rows.next()) {
      TraceInfo info = trace_info_of(rows);
      if (experiment_ids && std::find(wanted_experiments.begin(), wanted_experiments.end(),
                                      info.trace_location.mlflow_experiment->experiment_id) ==
                                wanted_experiments.end()) {
        continue;
      }
      std::string id = info.trace_id;
      found.emplace(std::move(id), std::move(info));
    }
  });
  std::vector<TraceInfo> infos;
  for (const std::string& id : trace_ids) {
    const auto info = found.extract(id);
    if (!info.empty()) infos.push_back(std::move(info.mapped()));
  }
  read_trace_details(tx, infos);
  return infos;
}

}  // namespace sandbox::traces
