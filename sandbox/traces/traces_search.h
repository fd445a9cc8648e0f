// Searching for traces.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/fields_json.h"
#include "sandbox/traces/trace_info.h"

namespace sandbox::traces {

inline constexpr std::int64_t search_page_default = 100;
inline constexpr std::int64_t search_page_max = 500;

struct TraceSearch {
  std::vector<std::string> experiment_ids;
  std::string filter;
  std::int64_t max_results = search_page_default;
  std::vector<std::string> order_by;
  std::string page_token;
};

struct TracePage {
  std::vector<TraceInfo> traces;
  std::optional<std::string> next_page_token;  // also when the last page is full
  static constexpr auto fields() {
    return std::tuple{field("traces", &TracePage::traces),
                      field("next_page_token", &TracePage::next_page_token)};
  }
};

}  // namespace sandbox::traces
