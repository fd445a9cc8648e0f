// One incoming span as the row it becomes, and what its trace learns from it.
#pragma once

#include <optional>
#include <string>

#include "sandbox/traces/analytics.h"
#include "sandbox/traces/otlp.h"
#include "sandbox/traces/span_tree.h"

namespace sandbox::traces {

struct SpanRow {
  const IncomingSpan* span = nullptr;
  std::string content;
  std::optional<std::string> model_name;
  std::optional<std::string> model_provider;
  Costs costs;
  SpanNumbers numbers;
};
// The span must outlive the row.
SpanRow span_row(const IncomingSpan& span);

// The text of a JSON string; every other JSON as it is written.
std::string plain_text(const std::string& json);

// The numbers of a span that was stored before.
SpanNumbers stored_numbers(std::string_view span_id,
                           std::string_view parent_id,
                           std::string_view content);

}  // namespace sandbox::traces
