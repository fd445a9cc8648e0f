#include "sandbox/traces/api.h"
#include "sandbox/traces/trace_metrics.h"

namespace sandbox::traces {

void install_trace_metrics(http::Api& api, TraceMetrics& metrics) {
  api.post<QueryTraceMetrics, MetricDataPoints>(
      "3.0/mlflow/traces/metrics",
      "Counts, sums and percentiles of traces, spans and assessments, for charts.",
      [&](const QueryTraceMetrics& in) { return metrics.query(in); });
}

}  // namespace sandbox::traces
