// The filter of a search for traces as SQL. Used by every question about "the traces that …".
// Source of the rules: SearchTraceUtils in utils/search_utils.py and
// _get_filter_clauses_for_search_traces of MLflow 3.17's tracking store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/tracking/search_sql.h"

namespace sandbox::traces {

// Conditions on rows of trace_info. `experiment_ids` is the scope of the search: an assessment of a
// whole session covers the traces of that session within it. The scope itself is no condition yet.
// Throws Error(invalid_parameter_value) with the reference's sentences.
void add_trace_filter(tracking::SearchSql& sql,
                      std::string_view filter,
                      const std::vector<std::int64_t>& experiment_ids);

// What a name of a filter or an order stands for, after aliases: name is a tag, run_id metadata.
struct TraceKey {
  enum class Type { attribute, tag, metadata, span, feedback, expectation, issue };
  Type type = Type::attribute;
  std::string key;
};
TraceKey trace_key_of(const std::string& prefix, const std::string& key, bool is_order);

// Names of types as the reference's sentences have them.
std::string_view word_of(TraceKey::Type type);

}  // namespace sandbox::traces
