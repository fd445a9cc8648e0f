// How far two trace filters find the same traces, as normalized pointwise mutual information.
// Source of the rules: store/analytics/trace_correlation.py of MLflow 3.17.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"

namespace sandbox::traces {

struct CorrelateFilters {
  std::vector<std::string> experiment_ids;
  std::string filter_string1;
  std::string filter_string2;
  std::string base_filter;  // "" : all traces of the experiments
  static constexpr auto fields() {
    return std::tuple{
        required("experiment_ids", &CorrelateFilters::experiment_ids),
        required("filter_string1", &CorrelateFilters::filter_string1, "As of traces/search."),
        required("filter_string2", &CorrelateFilters::filter_string2),
        field("base_filter", &CorrelateFilters::base_filter, "What both are tested on top of.")};
  }
};

struct FilterCorrelation {
  std::optional<double> npmi;           // -1 to 1; absent when a filter finds nothing
  std::optional<double> npmi_smoothed;  // the same with half a trace added to each case
  std::int64_t filter1_count = 0;
  std::int64_t filter2_count = 0;
  std::int64_t joint_count = 0;
  std::int64_t total_count = 0;
  static constexpr auto fields() {
    return std::tuple{field("npmi", &FilterCorrelation::npmi),
                      field("npmi_smoothed", &FilterCorrelation::npmi_smoothed),
                      field("filter1_count", &FilterCorrelation::filter1_count),
                      field("filter2_count", &FilterCorrelation::filter2_count),
                      field("joint_count", &FilterCorrelation::joint_count),
                      field("total_count", &FilterCorrelation::total_count)};
  }
};

// May be called from every thread.
class TraceCorrelation {
 public:
  explicit TraceCorrelation(db::Database& database) : database_(database) {}

  // INVALID_PARAMETER_VALUE for filters that traces/search refuses.
  FilterCorrelation correlate(const CorrelateFilters& in);

 private:
  db::Database& database_;
};

// Fills npmi and npmi_smoothed from the counts.
void set_npmi(FilterCorrelation& correlation);

}  // namespace sandbox::traces
