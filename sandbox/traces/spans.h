// Spans: the steps a trace consists of. They come in over OpenTelemetry's protocol, in any order
// and in several requests, and are kept as MLflow keeps them: a JSON text each, beside columns for
// search and analytics.
// Source of the rules: MLflow 3.17's log_spans and get_trace (store/tracking/sqlalchemy_store.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/db/database.h"
#include "sandbox/traces/otlp.h"
#include "sandbox/traces/trace_info.h"

namespace sandbox::traces {

struct WholeTrace {
  TraceInfo info;
  std::vector<std::string> spans;  // the content column, roots first, then by time
};

// Every method may be called from every thread.
class Spans {
 public:
  Spans(Env& env, db::Database& database) : env_(env), database_(database) {}

  // Stores the spans, all or none, and completes the infos of their traces. Traces that are new go
  // to the experiment, which may be deleted but must exist; others stay where they are. Given a
  // run, traces whose root is among the spans are linked to it.
  void log(const std::string& experiment_id, const std::string& run_id, IncomingSpans incoming);

  // Throws RESOURCE_DOES_NOT_EXIST for an unknown trace, and, unless `allow_partial`, for one whose
  // spans are not all there yet. nullopt when its spans are kept as an artifact.
  std::optional<WholeTrace> find(const std::string& trace_id, bool allow_partial);
  // The complete ones of these traces, in the order of the ids. Throws
  // Error(invalid_parameter_value) when one keeps its spans as an artifact.
  std::vector<WholeTrace> find_all(const std::vector<std::string>& trace_ids,
                                   const std::optional<std::vector<std::string>>& experiment_ids);

 private:
  Env& env_;
  db::Database& database_;
};

}  // namespace sandbox::traces
