#include "sandbox/traces/spans.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "sandbox/base/arithmetic.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/conventions.h"
#include "sandbox/traces/id_batches.h"
#include "sandbox/traces/previews.h"
#include "sandbox/traces/row_batches.h"
#include "sandbox/traces/span_rows.h"
#include "sandbox/traces/traces.h"
#include "sandbox/tracking/names.h"

namespace sandbox::traces {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::string_view tag_attribute_prefix = "mlflow.traceTag.";
constexpr std::string_view inputs_attribute = "mlflow.spanInputs";
constexpr std::string_view outputs_attribute = "mlflow.spanOutputs";

// What the spans of one request say of one trace.
struct TraceBatch {
  std::string trace_id;
  std::vector<const SpanRow*> rows;
  std::int64_t start_ms = 0;
  std::optional<std::int64_t> end_ms;
  const IncomingSpan* root = nullptr;
  std::string session_id;
  std::string user_id;
  TextMap tags;
};

// What the database knows of a trace.
struct KnownTrace {
  std::int64_t experiment_id = 0;
  std::int64_t start_ms = 0;
  std::optional<std::int64_t> duration_ms;
  std::string state;
  bool has_session = false;
  bool has_request_preview = false;
  bool has_response_preview = false;
  bool has_tokens = false;
  bool has_costs = false;
  bool is_finalized = false;  // the client's own word on times and sums counts more
  std::string spans_location;
  bool is_new = false;
};
using KnownTraces = std::unordered_map<std::string, KnownTrace>;

void add_tag(TraceBatch& batch, std::string_view key, const std::string& value) {
  try {
    tracking::check_entity_key("key", "key", key);
  } catch (const Error&) {  // what cannot be a tag is left out, as in the reference
    return;
  }
  if (key == trace_name_tag) check_trace_name(value);
  batch.tags[std::string(key)] = std::string(utf8_prefix(value, tracking::tag_value_max));
}

void read_root(TraceBatch& batch, const IncomingSpan& root) {
  batch.root = &root;
  for (const SpanAttribute& attribute : root.attributes) {
    if (!attribute.key.starts_with(tag_attribute_prefix)) continue;
    add_tag(batch, std::string_view(attribute.key).substr(tag_attribute_prefix.size()),
            plain_text(attribute.json));
  }
}

// The first of these attributes that says something.
std::string first_text(const IncomingSpan& span, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const std::string* json = span.attribute(key);
    if (json != nullptr && !json->empty()) return plain_text(*json);
  }
  return "";
}

void read_span(TraceBatch& batch, const IncomingSpan& span) {
  if (batch.session_id.empty()) {
    batch.session_id = first_text(span, {"session.id", "gen_ai.conversation.id"});
    check_session_id(batch.session_id);
  }
  if (batch.user_id.empty()) batch.user_id = first_text(span, {"user.id"});
  if (span.parent_id.empty()) read_root(batch, span);
}

// Resource attributes first, so that the user's own tags win.
void read_resource(TraceBatch& batch, const IncomingSpans& incoming) {
  TextMap own;
  own.swap(batch.tags);
  for (const SpanRow* row : batch.rows) {
    const auto& resource = incoming.resources[row->span->resource];
    if (resource.empty()) continue;
    for (const auto& [key, text] : resource) {
      if (!key.starts_with("telemetry.sdk.") && !key.starts_with("mlflow.")) {
        add_tag(batch, key, text);
      }
    }
    break;
  }
  for (auto& [key, value] : own) batch.tags[key] = std::move(value);
}

std::vector<TraceBatch> batches_of(const IncomingSpans& incoming,
                                   const std::vector<SpanRow>& rows) {
  std::vector<TraceBatch> batches;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const SpanRow& row : rows) {
    const IncomingSpan& span = *row.span;
    const auto [place, is_new] = places.emplace(span.trace_id, batches.size());
    const std::int64_t start = span.start_ns / ns_per_ms;
    if (is_new) {
      batches.emplace_back().trace_id = span.trace_id;
      batches.back().start_ms = start;
    }
    TraceBatch& batch = batches[place->second];
    batch.rows.push_back(&row);
    batch.start_ms = std::min(batch.start_ms, start);
    if (span.end_ns > 0) {
      batch.end_ms = std::max(batch.end_ms.value_or(0), span.end_ns / ns_per_ms);
    }
    read_span(batch, span);
  }
  for (TraceBatch& batch : batches) read_resource(batch, incoming);
  return batches;
}

// A span that comes twice in one request counts as it came last.
std::vector<SpanRow> rows_of(const IncomingSpans& incoming) {
  std::vector<SpanRow> rows;
  rows.reserve(incoming.spans.size());
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> places;
  for (const IncomingSpan& span : incoming.spans) {
    const auto [place, is_new] = places.emplace(
        std::pair(std::string_view(span.trace_id), std::string_view(span.span_id)), rows.size());
    if (is_new) {
      rows.push_back(span_row(span));
    } else {
      rows[place->second] = span_row(span);
    }
  }
  return rows;
}

KnownTraces known_traces(db::Tx& tx, const std::vector<TraceBatch>& batches) {
  KnownTraces known;
  std::vector<std::string_view> ids;
  for (const TraceBatch& batch : batches) ids.push_back(batch.trace_id);
  for_each_batch(ids, [&](const std::vector<db::Value>& some) {
    db::Rows rows = tx.query_values(
        "SELECT t.request_id, t.experiment_id, t.timestamp_ms, t.execution_time_ms, t.status, "
        "t.session_id IS NOT NULL, t.request_preview IS NOT NULL, t.response_preview IS NOT NULL, "
        "COALESCE(t.input_tokens, t.output_tokens, t.total_tokens, t.cache_read_input_tokens, "
        "t.cache_creation_input_tokens, t.cache_creation_input_tokens_above_1hr) IS NOT NULL, "
        "COALESCE(t.input_cost, t.output_cost, t.total_cost) IS NOT NULL, m.value IS NOT NULL, "
        "g.value FROM trace_info t LEFT JOIN trace_request_metadata m ON m.request_id = "
        "t.request_id AND m.\"key\" = 'mlflow.trace.infoFinalized' LEFT JOIN trace_tags g ON "
        "g.request_id = t.request_id AND g.\"key\" = 'mlflow.trace.spansLocation' WHERE "
        "t.request_id IN (" +
            question_marks(some.size()) + ")",
        some);
    while (rows.next()) {
      known[rows.text(0)] = {rows.integer(1),       rows.integer(2),      rows.maybe_integer(3),
                             rows.text(4),          rows.integer(5) != 0, rows.integer(6) != 0,
                             rows.integer(7) != 0,  rows.integer(8) != 0, rows.integer(9) != 0,
                             rows.integer(10) != 0, rows.text(11)};
    }
  });
  return known;
}

void refuse_moved(const KnownTraces& known) {
  for (const auto& [trace_id, trace] : known) {
    if (trace.spans_location.empty() || trace.spans_location == tracking_store) continue;
    throw Error(Code::invalid_parameter_value,
                "Cannot log spans because one or more traces are unavailable for DB-backed span "
                "writes: other='" +
                    trace_id + "'");
  }
}

// New traces get their row as far as it is known yet; the rest follows in update_trace.
void insert_traces(db::Tx& tx,
                   const std::string& experiment_id,
                   const std::vector<TraceBatch>& batches,
                   KnownTraces& known) {
  if (known.size() == batches.size()) return;
  const std::int64_t id = tracking::parse_experiment_id(experiment_id);
  std::string location;
  {
    db::Rows rows =
        tx.query("SELECT artifact_location FROM experiments WHERE experiment_id = ?", id);
    if (!rows.next()) {
      throw Error(Code::resource_does_not_exist,
                  "No Experiment with id=" + experiment_id + " exists");
    }
    location = rows.text(0);
  }
  std::vector<db::Value> traces;
  std::vector<db::Value> tags;
  std::vector<std::string> locations;
  locations.reserve(batches.size());  // the values point into it
  for (const TraceBatch& batch : batches) {
    if (known.count(batch.trace_id) != 0) continue;
    KnownTrace trace;
    trace.experiment_id = id;
    trace.start_ms = batch.start_ms;
    trace.state = "IN_PROGRESS";
    trace.is_new = true;
    known.emplace(batch.trace_id, trace);
    locations.push_back(trace_artifact_location(location, batch.trace_id));
    traces.insert(traces.end(), {batch.trace_id, id, batch.start_ms, "IN_PROGRESS"});
    tags.insert(tags.end(), {artifact_location_tag, locations.back(), batch.trace_id});
  }
  insert_rows(tx, "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status)", "", 4,
              traces);
  insert_rows(tx, "INSERT INTO trace_tags (\"key\", value, request_id)", "", 3, tags);
}

std::string_view status_word(SpanStatus status) {
  return status == SpanStatus::ok ? "OK" : status == SpanStatus::error ? "ERROR" : "UNSET";
}

void insert_spans(db::Tx& tx, const std::vector<SpanRow>& rows, const KnownTraces& known) {
  std::vector<db::Value> values;
  constexpr std::size_t columns = 15;
  values.reserve(rows.size() * columns);
  for (const SpanRow& row : rows) {
    const IncomingSpan& span = *row.span;
    const db::Value parent =
        span.parent_id.empty() ? db::Value(nullptr) : db::Value(span.parent_id);
    values.insert(values.end(), {span.trace_id, known.at(span.trace_id).experiment_id, span.span_id,
                                 parent, span.name, span.type, status_word(span.status),
                                 span.start_ns, span.end_ns, row.content, row.costs[0],
                                 row.costs[1], row.costs[2], row.model_name, row.model_provider});
  }
  insert_rows(
      tx,
      "INSERT INTO spans (trace_id, experiment_id, span_id, parent_span_id, name, type, status, "
      "start_time_unix_nano, end_time_unix_nano, content, input_cost, output_cost, total_cost, "
      "model_name, model_provider)",
      "ON CONFLICT (trace_id, span_id) DO UPDATE SET experiment_id = excluded.experiment_id, "
      "parent_span_id = excluded.parent_span_id, name = excluded.name, type = excluded.type, "
      "status "
      "= excluded.status, start_time_unix_nano = excluded.start_time_unix_nano, end_time_unix_nano "
      "= excluded.end_time_unix_nano, content = excluded.content, input_cost = "
      "excluded.input_cost, output_cost = excluded.output_cost, total_cost = excluded.total_cost, "
      "model_name = excluded.model_name, model_provider = excluded.model_provider",
      columns, values);
}

// The numbers of all spans of a trace: these, and those that came before.
std::vector<SpanNumbers> all_numbers(db::Tx& tx, const TraceBatch& batch, const KnownTrace& trace) {
  std::vector<SpanNumbers> numbers;
  for (const SpanRow* row : batch.rows) numbers.push_back(row->numbers);
  if (trace.is_new) return numbers;
  const std::size_t own = numbers.size();
  db::Rows rows = tx.query("SELECT span_id, parent_span_id, content FROM spans WHERE trace_id = ?",
                           batch.trace_id);
  while (rows.next()) {
    const auto end = numbers.begin() + static_cast<std::ptrdiff_t>(own);
    const bool is_own = std::any_of(
        numbers.begin(), end, [&](const SpanNumbers& one) { return one.span_id == rows.view(0); });
    if (!is_own) numbers.push_back(stored_numbers(rows.view(0), rows.view(1), rows.view(2)));
  }
  return numbers;
}

void update_sums(db::Tx& tx, const TraceBatch& batch, const KnownTrace& trace) {
  bool has_tokens = false;
  bool has_costs = false;
  for (const SpanRow* row : batch.rows) {
    has_tokens = has_tokens || row->numbers.tokens;
    has_costs = has_costs || row->numbers.costs;
  }
  has_tokens = has_tokens && !(trace.is_finalized && trace.has_tokens);
  has_costs = has_costs && !(trace.is_finalized && trace.has_costs);
  if (!has_tokens && !has_costs) return;
  const std::vector<SpanNumbers> numbers = all_numbers(tx, batch, trace);
  if (has_tokens) update_token_counts(tx, batch.trace_id, *sum_tokens(numbers));
  if (has_costs) update_costs(tx, batch.trace_id, *sum_costs(numbers));
}

std::optional<std::string> preview(const IncomingSpan* root,
                                   bool is_known,
                                   std::string_view attribute,
                                   std::string_view role) {
  const std::string* json = root == nullptr || is_known ? nullptr : root->attribute(attribute);
  if (json == nullptr || json->empty()) return std::nullopt;
  return preview_of(*json, role);
}

void update_trace(db::Tx& tx, const TraceBatch& batch, const KnownTrace& trace) {
  std::int64_t start = trace.start_ms;
  std::optional<std::int64_t> duration = trace.duration_ms;
  if (!trace.is_finalized) {
    start = std::min(trace.start_ms, batch.start_ms);
    std::optional<std::int64_t> end = batch.end_ms;
    if (trace.duration_ms) {
      end = std::max(end.value_or(0), saturating_add(trace.start_ms, *trace.duration_ms));
    }
    if (end) duration = saturating_subtract(*end, start);
  }
  std::string state = trace.state;
  if (batch.root != nullptr && (state == "IN_PROGRESS" || state == "STATE_UNSPECIFIED")) {
    state = batch.root->status == SpanStatus::error ? "ERROR" : "OK";
  }
  const auto name = batch.tags.find(std::string(trace_name_tag));
  const db::Value name_value =
      name == batch.tags.end() ? db::Value(nullptr) : db::Value(name->second);
  const bool sets_session = !trace.has_session && !batch.session_id.empty();
  tx.execute(
      "UPDATE trace_info SET timestamp_ms = ?, execution_time_ms = ?, status = ?, request_preview "
      "= "
      "COALESCE(?, request_preview), response_preview = COALESCE(?, response_preview), trace_name "
      "= "
      "COALESCE(?, trace_name), session_id = COALESCE(?, session_id), db_payload_generation = "
      "db_payload_generation + 1 WHERE request_id = ?",
      start, duration, state,
      preview(batch.root, trace.has_request_preview, inputs_attribute, "user"),
      preview(batch.root, trace.has_response_preview, outputs_attribute, "assistant"), name_value,
      sets_session ? db::Value(batch.session_id) : db::Value(nullptr), batch.trace_id);
  if (start < trace.start_ms) {
    tx.execute("UPDATE assessments SET trace_timestamp_ms = ? WHERE trace_id = ?", start,
               batch.trace_id);
  }
  update_sums(tx, batch, trace);
}

void insert_tags(db::Tx& tx, const std::vector<TraceBatch>& batches) {
  std::vector<db::Value> tags;
  std::vector<db::Value> users;
  for (const TraceBatch& batch : batches) {
    tags.insert(tags.end(), {spans_location_tag, tracking_store, batch.trace_id});
    for (const auto& [key, value] : batch.tags) {
      if (key == trace_name_tag || key == spans_location_tag) continue;
      tags.insert(tags.end(), {key, value, batch.trace_id});
    }
    if (!batch.user_id.empty()) {
      users.insert(users.end(), {user_metadata, batch.user_id, batch.trace_id});
    }
  }
  insert_rows(tx, "INSERT INTO trace_tags (\"key\", value, request_id)",
              "ON CONFLICT (\"key\", request_id) DO UPDATE SET value = excluded.value", 3, tags);
  insert_rows(tx, "INSERT INTO trace_request_metadata (\"key\", value, request_id)",
              "ON CONFLICT (\"key\", request_id) DO NOTHING", 3, users);
}

}  // namespace

void Spans::log(const std::string& experiment_id,
                const std::string& run_id,
                IncomingSpans incoming) {
  if (incoming.spans.empty()) return;
  for (IncomingSpan& span : incoming.spans) translate(span);
  const std::vector<SpanRow> rows = rows_of(incoming);
  const std::vector<TraceBatch> batches = batches_of(incoming, rows);
  std::set<std::string> locks;  // in one order, whatever the order of the spans
  for (const TraceBatch& batch : batches) locks.insert("trace " + std::string(batch.trace_id));
  database_.write([&](db::Tx& tx) {
    for (const std::string& lock : locks) tx.lock(lock);
    KnownTraces known = known_traces(tx, batches);
    refuse_moved(known);
    insert_traces(tx, experiment_id, batches, known);
    insert_spans(tx, rows, known);
    for (const TraceBatch& batch : batches) {
      update_trace(tx, batch, known.at(batch.trace_id));
      if (batch.root != nullptr && !run_id.empty())
        link_trace(tx, env_, batch.trace_id, "run", run_id);
    }
    insert_tags(tx, batches);
  });
}

}  // namespace sandbox::traces
