// Traces: what a client starts, tags, links and deletes. Spans come in through spans.h.
// Source of the rules: MLflow 3.17's tracking store (store/tracking/sqlalchemy_store.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/db/database.h"
#include "sandbox/traces/trace_info.h"
#include "sandbox/traces/traces_search.h"

namespace sandbox::traces {

inline constexpr std::size_t links_max = 100;  // traces linked to a run by one request

// Which traces of an experiment to delete: by id, or by age.
struct DeleteTraces {
  std::string experiment_id;
  std::optional<std::int64_t> max_timestamp_millis;
  std::optional<std::int64_t> max_traces;  // with max_timestamp_millis only; the oldest ones
  std::vector<std::string> request_ids;
  static constexpr auto fields() {
    return std::tuple{required("experiment_id", &DeleteTraces::experiment_id),
                      field("max_timestamp_millis", &DeleteTraces::max_timestamp_millis),
                      field("max_traces", &DeleteTraces::max_traces),
                      field("request_ids", &DeleteTraces::request_ids)};
  }
};

struct PromptVersion {
  std::string name;
  std::string version;
  static constexpr auto fields() {
    return std::tuple{field("name", &PromptVersion::name),
                      field("version", &PromptVersion::version)};
  }
};

// Every method may be called from every thread.
class Traces {
 public:
  Traces(Env& env, db::Database& database) : env_(env), database_(database) {}

  // Creates the trace, or completes one whose spans were there first: what is given here counts
  // more than what was inferred from spans.
  TraceInfo start(const TraceInfo& info);
  // The two steps of clients before 3.0, which keep the spans as a file.
  TraceInfo begin(const std::string& experiment_id,
                  std::int64_t timestamp_ms,
                  const TextMap& metadata,
                  const TextMap& tags);
  TraceInfo end(const std::string& trace_id,
                std::int64_t timestamp_ms,
                std::string_view status,
                const TextMap& metadata,
                const TextMap& tags);
  TraceInfo get_info(const std::string& trace_id);
  std::vector<TraceInfo> get_infos(const std::vector<std::string>& trace_ids,
                                   const std::optional<std::vector<std::string>>& experiment_ids);
  TracePage search(const TraceSearch& search);
  void set_tag(const std::string& trace_id, const std::string& key, const std::string& value);
  void delete_tag(const std::string& trace_id, const std::string& key);
  // The number of traces deleted, spans, tags and assessments with them.
  std::int64_t remove(const DeleteTraces& which);
  void link_to_run(const std::vector<std::string>& trace_ids, const std::string& run_id);
  void link_prompts(const std::string& trace_id, const std::vector<PromptVersion>& prompts);

 private:
  Env& env_;
  db::Database& database_;
};

// The tag under which clients find the place of a trace's files.
std::string trace_artifact_location(std::string_view experiment_location,
                                    std::string_view trace_id);
void upsert_trace_tag(db::Tx& tx,
                      std::string_view trace_id,
                      std::string_view key,
                      std::string_view value);
void upsert_trace_metadata(db::Tx& tx,
                           std::string_view trace_id,
                           std::string_view key,
                           std::string_view value);
// Links the trace to a "run" or a "prompt_version"; linking twice is no error.
void link_trace(db::Tx& tx,
                Env& env,
                const std::string& trace_id,
                std::string_view destination_type,
                const std::string& destination_id);
// Both throw Error(invalid_parameter_value): the name of a trace has at most 4096 characters, a
// session 250.
void check_trace_name(std::string_view name);
void check_session_id(std::string_view session_id);

}  // namespace sandbox::traces
