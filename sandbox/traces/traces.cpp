#include "sandbox/traces/traces.h"

#include <algorithm>
#include <limits>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/analytics.h"
#include "sandbox/traces/id_batches.h"
#include "sandbox/traces/times.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/names.h"

namespace sandbox::traces {
namespace {

constexpr std::size_t trace_name_max = 4096;  // characters
constexpr std::size_t session_id_max = 250;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

void check_trace_exists(db::Tx& tx, const std::string& trace_id) {
  if (!tx.query("SELECT 1 FROM trace_info WHERE request_id = ?", trace_id).next()) {
    no_trace(trace_id);
  }
}

std::string_view state_of(const TraceInfo& info) {
  return info.state.name.empty() ? "STATE_UNSPECIFIED" : info.state.name;
}

std::int64_t request_time_of(const TraceInfo& info) {
  if (info.request_time.empty()) return 0;
  const auto time = parse_timestamp(info.request_time);
  if (!time) {
    refuse("Invalid value " + tracking::quoted(info.request_time) +
           " for parameter 'request_time' supplied: it is no RFC 3339 time such as "
           "2026-11-21T08:06:27.123Z.");
  }
  return *time;
}

std::optional<std::int64_t> execution_time_of(const TraceInfo& info) {
  if (!info.execution_duration) return std::nullopt;
  const auto duration = parse_duration(*info.execution_duration);
  if (!duration) {
    refuse("Invalid value " + tracking::quoted(*info.execution_duration) +
           " for parameter 'execution_duration' supplied: it is no number of seconds such as "
           "1.500s.");
  }
  return duration;
}

std::optional<std::string> member(const TextMap& map, std::string_view key) {
  const auto found = map.find(std::string(key));
  if (found == map.end()) return std::nullopt;
  return found->second;
}

// The columns a client's metadata fill; what it does not name stays as it is.
void write_analytics(db::Tx& tx, const std::string& trace_id, const TextMap& metadata) {
  if (const auto session = member(metadata, session_metadata)) {
    tx.execute("UPDATE trace_info SET session_id = ? WHERE request_id = ?", *session, trace_id);
  }
  if (const auto usage = member(metadata, token_usage_metadata)) {
    update_token_counts(tx, trace_id, token_counts_of(*usage));
  }
  if (const auto cost = member(metadata, cost_metadata)) {
    update_costs(tx, trace_id, costs_of(*cost));
  }
}

// The trace's row: a new one, or what the client says over what spans said before.
void upsert_trace(db::Tx& tx,
                  const TraceInfo& info,
                  std::int64_t experiment_id,
                  std::int64_t request_time,
                  std::optional<std::int64_t> execution_time) {
  tx.execute(
      "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, "
      "client_request_id, request_preview, response_preview, trace_name) VALUES (?, ?, ?, ?, ?, ?, "
      "?, ?, ?) ON CONFLICT (request_id) DO UPDATE SET experiment_id = excluded.experiment_id, "
      "timestamp_ms = excluded.timestamp_ms, execution_time_ms = excluded.execution_time_ms, "
      "status "
      "= excluded.status, client_request_id = excluded.client_request_id, request_preview = "
      "COALESCE(excluded.request_preview, trace_info.request_preview), response_preview = "
      "COALESCE(excluded.response_preview, trace_info.response_preview), trace_name = "
      "COALESCE(excluded.trace_name, trace_info.trace_name), db_payload_generation = "
      "trace_info.db_payload_generation + 1",
      info.trace_id, experiment_id, request_time, execution_time, state_of(info),
      info.client_request_id, info.request_preview, info.response_preview,
      member(info.tags, trace_name_tag));
}

void follow_trace(db::Tx& tx,
                  const std::string& trace_id,
                  std::int64_t experiment_id,
                  std::int64_t request_time) {
  tx.execute("UPDATE spans SET experiment_id = ? WHERE trace_id = ?", experiment_id, trace_id);
  tx.execute("UPDATE assessments SET experiment_id = ?, trace_timestamp_ms = ? WHERE trace_id = ?",
             experiment_id, request_time, trace_id);
}

// Metadata and tags where they belong: rows of their own, or columns of the trace.
void write_details(db::Tx& tx,
                   const std::string& trace_id,
                   const TextMap& metadata,
                   const TextMap& tags) {
  write_analytics(tx, trace_id, metadata);
  for (const auto& [key, value] : tags) {
    if (key != trace_name_tag) upsert_trace_tag(tx, trace_id, key, value);
  }
  for (const auto& [key, value] : metadata) {
    if (!is_column_metadata(key)) upsert_trace_metadata(tx, trace_id, key, value);
  }
}

void check_deletion(const DeleteTraces& which) {
  const bool by_id = !which.request_ids.empty();
  if (!which.max_timestamp_millis && !by_id) {
    refuse("Either `max_timestamp_millis` or `trace_ids` must be specified.");
  }
  if (which.max_timestamp_millis && by_id) {
    refuse("Only one of `max_timestamp_millis` and `trace_ids` can be specified.");
  }
  if (by_id && which.max_traces) {
    refuse("`max_traces` can't be specified if `trace_ids` is specified.");
  }
  if (which.max_traces && *which.max_traces <= 0) {
    refuse("`max_traces` must be a positive integer, received " +
           std::to_string(*which.max_traces) + ".");
  }
}

std::vector<std::string> traces_to_delete(db::Tx& tx,
                                          const DeleteTraces& which,
                                          std::int64_t experiment_id) {
  std::vector<std::string> ids;
  const auto collect = [&](db::Rows rows) {
    while (rows.next()) ids.push_back(rows.text(0));
  };
  if (which.max_timestamp_millis) {
    constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();
    collect(
        tx.query("SELECT request_id FROM trace_info WHERE experiment_id = ? AND timestamp_ms <= ? "
                 "ORDER BY timestamp_ms, request_id LIMIT ?",
                 experiment_id, *which.max_timestamp_millis, which.max_traces.value_or(no_limit)));
  } else {
    for_each_batch(which.request_ids, [&](std::vector<db::Value> batch) {
      const std::string marks = question_marks(batch.size());
      batch.emplace_back(experiment_id);
      collect(tx.query_values("SELECT request_id FROM trace_info WHERE request_id IN (" + marks +
                                  ") AND experiment_id = ?",
                              batch));
    });
  }
  return ids;
}

}  // namespace

void check_trace_name(std::string_view name) {
  tracking::check_length("Trace name", name, trace_name_max);
}

void check_session_id(std::string_view session_id) {
  tracking::check_length("Session ID", session_id, session_id_max);
}

std::string trace_artifact_location(std::string_view experiment_location,
                                    std::string_view trace_id) {
  std::string tail = "traces/";
  if (!trace_id.empty()) tail.append(trace_id).append("/");
  return tracking::append_uri_path(experiment_location, tail + "artifacts");
}

void upsert_trace_tag(db::Tx& tx,
                      std::string_view trace_id,
                      std::string_view key,
                      std::string_view value) {
  tx.execute(
      "INSERT INTO trace_tags (\"key\", value, request_id) VALUES (?, ?, ?) ON CONFLICT (\"key\", "
      "request_id) DO UPDATE SET value = excluded.value",
      key, value, trace_id);
}

void upsert_trace_metadata(db::Tx& tx,
                           std::string_view trace_id,
                           std::string_view key,
                           std::string_view value) {
  tx.execute(
      "INSERT INTO trace_request_metadata (\"key\", value, request_id) VALUES (?, ?, ?) ON "
      "CONFLICT "
      "(\"key\", request_id) DO UPDATE SET value = excluded.value",
      key, value, trace_id);
}

void link_trace(db::Tx& tx,
                Env& env,
                const std::string& trace_id,
                std::string_view destination_type,
                const std::string& destination_id) {
  tx.execute(
      "INSERT INTO entity_associations (association_id, source_type, source_id, destination_type, "
      "destination_id, created_time) VALUES (?, 'trace', ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      env.new_id(), trace_id, destination_type, destination_id, env.now_ms());
}

TraceInfo Traces::start(const TraceInfo& info) {
  if (!info.trace_location.mlflow_experiment) {
    refuse(
        "The trace's location must name an MLflow experiment (trace_location.mlflow_experiment).");
  }
  check_trace_name(member(info.tags, trace_name_tag).value_or(""));
  check_session_id(member(info.trace_metadata, session_metadata).value_or(""));
  const std::int64_t request_time = request_time_of(info);
  const std::optional<std::int64_t> execution_time = execution_time_of(info);
  return database_.write([&](db::Tx& tx) {
    const tracking::ActiveExperiment experiment =
        tracking::active_experiment(tx, info.trace_location.mlflow_experiment->experiment_id);
    upsert_trace(tx, info, experiment.id, request_time, execution_time);
    follow_trace(tx, info.trace_id, experiment.id, request_time);
    write_details(tx, info.trace_id, info.trace_metadata, info.tags);
    upsert_trace_tag(tx, info.trace_id, artifact_location_tag,
                     trace_artifact_location(experiment.artifact_location, info.trace_id));
    upsert_trace_metadata(tx, info.trace_id, finalized_metadata, "true");
    for (const Assessment& assessment : info.assessments) {
      insert_assessment(tx, env_, info.trace_id, experiment.id, request_time, assessment);
    }
    return *find_trace_info(tx, info.trace_id);
  });
}

TraceInfo Traces::begin(const std::string& experiment_id,
                        std::int64_t timestamp_ms,
                        const TextMap& metadata,
                        const TextMap& tags) {
  check_trace_name(member(tags, trace_name_tag).value_or(""));
  check_session_id(member(metadata, session_metadata).value_or(""));
  const std::string trace_id = env_.new_id();
  return database_.write([&](db::Tx& tx) {
    const tracking::ActiveExperiment experiment = tracking::active_experiment(tx, experiment_id);
    tx.execute(
        "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status, trace_name) "
        "VALUES (?, ?, ?, 'IN_PROGRESS', ?)",
        trace_id, experiment.id, timestamp_ms, member(tags, trace_name_tag));
    write_details(tx, trace_id, metadata, tags);
    upsert_trace_tag(tx, trace_id, artifact_location_tag,
                     trace_artifact_location(experiment.artifact_location, trace_id));
    return *find_trace_info(tx, trace_id);
  });
}

TraceInfo Traces::end(const std::string& trace_id,
                      std::int64_t timestamp_ms,
                      std::string_view status,
                      const TextMap& metadata,
                      const TextMap& tags) {
  if (status != "OK" && status != "ERROR" && status != "IN_PROGRESS") {
    refuse("Invalid value " + tracking::quoted(status) +
           " for parameter 'status' supplied: a trace ends with OK or ERROR.");
  }
  check_trace_name(member(tags, trace_name_tag).value_or(""));
  check_session_id(member(metadata, session_metadata).value_or(""));
  return database_.write([&](db::Tx& tx) {
    if (tx.execute("UPDATE trace_info SET execution_time_ms = ? - timestamp_ms, status = ?, "
                   "trace_name = COALESCE(?, trace_name) WHERE request_id = ?",
                   timestamp_ms, status, member(tags, trace_name_tag), trace_id) == 0) {
      no_trace(trace_id);
    }
    write_details(tx, trace_id, metadata, tags);
    return *find_trace_info(tx, trace_id);
  });
}

TraceInfo Traces::get_info(const std::string& trace_id) {
  return database_.read([&](db::Tx& tx) {
    auto info = find_trace_info(tx, trace_id);
    if (!info) no_trace(trace_id);
    return std::move(*info);
  });
}

std::vector<TraceInfo> Traces::get_infos(
    const std::vector<std::string>& trace_ids,
    const std::optional<std::vector<std::string>>& experiment_ids) {
  return database_.read(
      [&](db::Tx& tx) { return find_trace_infos(tx, trace_ids, experiment_ids); });
}

void Traces::set_tag(const std::string& trace_id,
                     const std::string& key,
                     const std::string& value) {
  tracking::check_entity_key("key", "key", key);
  const std::string_view kept = utf8_prefix(value, tracking::tag_value_max);
  if (key == trace_name_tag) check_trace_name(kept);
  database_.write([&](db::Tx& tx) {
    check_trace_exists(tx, trace_id);
    if (key == trace_name_tag) {
      tx.execute("UPDATE trace_info SET trace_name = ? WHERE request_id = ?", kept, trace_id);
    } else {
      upsert_trace_tag(tx, trace_id, key, kept);
    }
  });
}

void Traces::delete_tag(const std::string& trace_id, const std::string& key) {
  database_.write([&](db::Tx& tx) {
    if (key == trace_name_tag) check_trace_exists(tx, trace_id);
    const std::int64_t deleted =
        key == trace_name_tag
            ? tx.execute(
                  "UPDATE trace_info SET trace_name = NULL WHERE request_id = ? AND "
                  "trace_name IS NOT NULL",
                  trace_id)
            : tx.execute("DELETE FROM trace_tags WHERE request_id = ? AND \"key\" = ?", trace_id,
                         key);
    if (deleted == 0) {
      throw Error(Code::resource_does_not_exist,
                  "No trace tag with key '" + key + "' for trace with ID '" + trace_id + "'");
    }
  });
}

std::int64_t Traces::remove(const DeleteTraces& which) {
  check_deletion(which);
  const std::int64_t experiment_id = tracking::parse_experiment_id(which.experiment_id);
  return database_.write([&](db::Tx& tx) {
    const std::vector<std::string> ids = traces_to_delete(tx, which, experiment_id);
    for_each_batch(ids, [&](const std::vector<db::Value>& batch) {
      const std::string marks = question_marks(batch.size());
      tx.execute_values("DELETE FROM trace_info WHERE request_id IN (" + marks + ")", batch);
      tx.execute_values(
          "DELETE FROM review_queue_items WHERE item_type = 'trace' AND item_id IN (" + marks + ")",
          batch);
    });
    return static_cast<std::int64_t>(ids.size());
  });
}

void Traces::link_to_run(const std::vector<std::string>& trace_ids, const std::string& run_id) {
  if (trace_ids.size() > links_max) {
    refuse("Cannot link more than " + std::to_string(links_max) +
           " traces to a run in a single request. Provided " + std::to_string(trace_ids.size()) +
           " traces.");
  }
  database_.write([&](db::Tx& tx) {
    for (const std::string& id : trace_ids) link_trace(tx, env_, id, "run", run_id);
  });
}

void Traces::link_prompts(const std::string& trace_id, const std::vector<PromptVersion>& prompts) {
  for (const PromptVersion& prompt : prompts) {
    if (!parse_int64(prompt.version)) {
      refuse("The version of a prompt must be an integer, but '" + prompt.name + "' has version " +
             tracking::quoted(prompt.version) + ".");
    }
  }
  if (prompts.empty()) return;
  database_.write([&](db::Tx& tx) {
    check_trace_exists(tx, trace_id);
    for (const PromptVersion& prompt : prompts) {
      link_trace(tx, env_, trace_id, "prompt_version",
                 prompt.name + "/" + std::to_string(*parse_int64(prompt.version)));
    }
  });
}

}  // namespace sandbox::traces
