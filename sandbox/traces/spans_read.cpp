#include <algorithm>
#include <unordered_map>

#include "sandbox/base/error.h"
#include "sandbox/traces/id_batches.h"
#include "sandbox/traces/spans.h"

namespace sandbox::traces {
namespace {

std::string_view tag_of(const TraceInfo& info, std::string_view key) {
  const auto found = info.tags.find(std::string(key));
  return found == info.tags.end() ? std::string_view{} : found->second;
}

bool is_in_store(const TraceInfo& info) {
  return tag_of(info, spans_location_tag) == tracking_store;
}

using Contents = std::unordered_map<std::string, std::vector<std::string>>;

Contents read_contents(db::Tx& tx, const std::vector<std::string>& trace_ids) {
  Contents contents;
  for_each_batch(trace_ids, [&](const std::vector<db::Value>& batch) {
    db::Rows rows = tx.query_values(
        "SELECT trace_id, content FROM spans WHERE trace_id IN (" + question_marks(batch.size()) +
            ") ORDER BY trace_id, CASE WHEN parent_span_id IS NULL THEN 0 ELSE 1 END, "
            "start_time_unix_nano",
        batch);
    while (rows.next()) {
      // Spans that were moved to an archive leave an empty text.
      if (!rows.view(1).empty()) contents[rows.text(0)].push_back(rows.text(1));
    }
  });
  return contents;
}

// The client says how many spans there are when it completes the trace; none is never complete.
bool is_complete(const WholeTrace& trace) {
  if (trace.spans.empty()) return false;
  const auto stats = trace.info.trace_metadata.find(std::string(size_stats_metadata));
  if (stats == trace.info.trace_metadata.end()) return true;
  std::int64_t wanted = 0;
  try {
    const JsonDocument document(stats->second);
    const auto count = document.root().member("num_spans");
    if (count) count->read(wanted);
  } catch (const Error&) {  // the client's own words; without a number every count will do
    return true;
  }
  return static_cast<std::int64_t>(trace.spans.size()) >= wanted;
}

}  // namespace

std::optional<WholeTrace> Spans::find(const std::string& trace_id, bool allow_partial) {
  auto trace = database_.read([&](db::Tx& tx) -> std::optional<WholeTrace> {
    auto info = find_trace_info(tx, trace_id);
    if (!info) {
      throw Error(Code::resource_does_not_exist, "Trace with ID " + trace_id + " is not found.");
    }
    if (!is_in_store(*info)) return std::nullopt;
    Contents contents = read_contents(tx, {trace_id});
    return WholeTrace{std::move(*info), std::move(contents[trace_id])};
  });
  if (trace && !allow_partial && !is_complete(*trace)) {
    throw Error(
        Code::resource_does_not_exist,
        "Trace with ID " + trace_id + " is not fully exported yet, please try again later.");
  }
  return trace;
}

std::vector<WholeTrace> Spans::find_all(
    const std::vector<std::string>& trace_ids,
    const std::optional<std::vector<std::string>>& experiment_ids) {
  std::vector<WholeTrace> traces;
  database_.read([&](db::Tx& tx) {
    traces.clear();
    std::vector<TraceInfo> infos = find_trace_infos(tx, trace_ids, experiment_ids);
    std::vector<std::string> stored;
    for (const TraceInfo& info : infos) {
      if (!is_in_store(info)) {
        throw Error(Code::invalid_parameter_value,
                    "Trace data not stored in tracking store: the spans of trace '" +
                        info.trace_id + "' are kept as an artifact. Read them from there.");
      }
      stored.push_back(info.trace_id);
    }
    Contents contents = read_contents(tx, stored);
    for (TraceInfo& info : infos) {
      std::vector<std::string> spans = std::move(contents[info.trace_id]);
      WholeTrace trace{std::move(info), std::move(spans)};
      if (is_complete(trace)) traces.push_back(std::move(trace));
    }
  });
  return traces;
}

}  // namespace sandbox::traces
