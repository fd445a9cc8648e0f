#include "sandbox/traces/api.h"
#include "sandbox/traces/correlation.h"

namespace sandbox::traces {

void install_trace_correlation(http::Api& api, TraceCorrelation& correlation) {
  api.post<CorrelateFilters, FilterCorrelation>(
      "3.0/mlflow/traces/calculate-filter-correlation", "How far two filters find the same traces.",
      [&](const CorrelateFilters& in) { return correlation.correlate(in); });
}

}  // namespace sandbox::traces
