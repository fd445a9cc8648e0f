#include "sandbox/traces/correlation.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "sandbox/traces/id_batches.h"
#include "sandbox/traces/trace_filter.h"
#include "sandbox/tracking/names.h"
#include "sandbox/tracking/search_sql.h"

namespace sandbox::traces {
namespace {

// What Jeffreys' prior adds to each case, so that few traces do not look certain.
constexpr double smoothing = 0.5;

// How many traces are found by both filters, by one of them, by none.
struct Cases {
  double both = 0;
  double first_only = 0;
  double second_only = 0;
  double none = 0;
};

std::optional<double> npmi(const Cases& cases, double added) {
  const double both = cases.both + added;
  const double first = both + cases.first_only + added;
  const double second = both + cases.second_only + added;
  const double total = first + cases.second_only + added + cases.none + added;
  if (first <= 0 || second <= 0 || both <= 0) return std::nullopt;
  // All traces are found by both: the formula would divide by zero.
  if (cases.first_only == 0 && cases.second_only == 0 && cases.none == 0) return 1.0;
  const double information =
      (std::log(both) + std::log(total)) - (std::log(first) + std::log(second));
  return std::clamp(information / -(std::log(both) - std::log(total)), -1.0, 1.0);
}

// A filter on top of the base: conditions on spans have to hold for one span in both of them.
std::string combined(const std::string& base, const std::string& filter) {
  return base.empty() ? filter : base + " and " + filter;
}

}  // namespace

FilterCorrelation TraceCorrelation::correlate(const CorrelateFilters& in) {
  std::vector<std::int64_t> experiments;
  for (const std::string& id : in.experiment_ids) {
    experiments.push_back(tracking::parse_experiment_id(id));
  }
  tracking::SearchSql first;
  tracking::SearchSql second;
  tracking::SearchSql base;
  add_trace_filter(first, combined(in.base_filter, in.filter_string1), experiments);
  add_trace_filter(second, combined(in.base_filter, in.filter_string2), experiments);
  for (const std::int64_t id : experiments) base.bind(id);
  base.where("trace_info.experiment_id IN (" + question_marks(experiments.size()) + ")");
  add_trace_filter(base, in.base_filter, experiments);
  FilterCorrelation correlation;
  if (experiments.empty()) return correlation;
  // Materialized, so that no condition is tried once more for the sum of the products.
  const std::string statement =
      "WITH found AS MATERIALIZED (SELECT CASE WHEN " + first.text() +
      " THEN 1 ELSE 0 END AS one, CASE WHEN " + second.text() +
      " THEN 1 ELSE 0 END AS two FROM trace_info WHERE " + base.text() +
      ") SELECT COUNT(*), COALESCE(SUM(one), 0), COALESCE(SUM(two), 0), COALESCE(SUM(one * two), "
      "0) FROM found";
  std::vector<db::Value> values = first.values();
  values.insert(values.end(), second.values().begin(), second.values().end());
  values.insert(values.end(), base.values().begin(), base.values().end());
  database_.read([&](db::Tx& tx) {
    db::Rows rows = tx.query_values(statement, values);
    rows.next();
    correlation.total_count = rows.integer(0);
    correlation.filter1_count = rows.integer(1);
    correlation.filter2_count = rows.integer(2);
    correlation.joint_count = rows.integer(3);
  });
  set_npmi(correlation);
  return correlation;
}

void set_npmi(FilterCorrelation& correlation) {
  correlation.npmi.reset();
  correlation.npmi_smoothed.reset();
  if (correlation.filter1_count == 0 || correlation.filter2_count == 0) return;
  const auto joint = static_cast<double>(correlation.joint_count);
  const auto first = static_cast<double>(correlation.filter1_count);
  const auto second = static_cast<double>(correlation.filter2_count);
  const auto total = static_cast<double>(correlation.total_count);
  const Cases cases{joint, first - joint, second - joint, total - first - second + joint};
  // Filters that never meet exclude each other.
  correlation.npmi = joint == 0 ? -1.0 : npmi(cases, 0);
  correlation.npmi_smoothed = npmi(cases, smoothing);
}

}  // namespace sandbox::traces
