#include "sandbox/import/trace_columns.h"

#include <array>
#include <cmath>

#include "sandbox/base/fields_json.h"
#include "sandbox/db/source.h"
#include "sandbox/traces/analytics.h"
#include "sandbox/traces/assessments.h"

namespace sandbox::import {
namespace {

struct Text {
  std::string id;
  std::string value;
};

std::vector<Text> texts(db::Tx& tx, std::string_view sql) {
  std::vector<Text> all;
  db::Rows rows = tx.query(sql);
  while (rows.next()) all.push_back({rows.text(0), rows.text(1)});
  return all;
}

void fill_names(db::Tx& tx) {
  tx.execute(
      "UPDATE trace_info SET trace_name = (SELECT substr(value, 1, 4096) FROM trace_tags WHERE "
      "trace_tags.request_id = trace_info.request_id AND \"key\" = 'mlflow.traceName'), session_id "
      "= (SELECT substr(value, 1, 250) FROM trace_request_metadata WHERE "
      "trace_request_metadata.request_id = trace_info.request_id AND \"key\" = "
      "'mlflow.trace.session')");
}

void fill_tokens(db::Tx& tx) {
  for (const Text& one : texts(tx,
                               "SELECT request_id, value FROM trace_request_metadata WHERE \"key\" "
                               "= 'mlflow.trace.tokenUsage'")) {
    traces::update_token_counts(tx, one.id, traces::token_counts_of(one.value));
  }
  for (const Text& one : texts(tx,
                               "SELECT request_id, value FROM trace_request_metadata WHERE \"key\" "
                               "= 'mlflow.trace.cost'")) {
    traces::update_costs(tx, one.id, traces::costs_of(one.value));
  }
  // What was counted as a metric is more exact than what the client said.
  for (const std::string_view key : traces::token_keys) {
    tx.execute("UPDATE trace_info SET " + std::string(key) +
                   " = (SELECT CAST(value AS INTEGER) FROM trace_metrics WHERE "
                   "trace_metrics.request_id = trace_info.request_id AND \"key\" = ?) WHERE EXISTS "
                   "(SELECT 1 FROM trace_metrics WHERE trace_metrics.request_id = "
                   "trace_info.request_id AND \"key\" = ? AND value = CAST(value AS INTEGER))",
               key, key);
  }
}

void fill_spans(db::Tx& tx) {
  for (const std::string_view key : traces::cost_keys) {
    tx.execute("UPDATE spans SET " + std::string(key) +
                   " = (SELECT value FROM span_metrics WHERE span_metrics.trace_id = "
                   "spans.trace_id AND span_metrics.span_id = spans.span_id AND \"key\" = ?)",
               key);
  }
  // A gateway's trace has no cost of its own, only its spans have.
  tx.execute(
      "UPDATE trace_info SET total_cost = (SELECT SUM(total_cost) FROM spans WHERE spans.trace_id "
      "= trace_info.request_id) WHERE total_cost IS NULL AND EXISTS (SELECT 1 FROM "
      "trace_request_metadata WHERE trace_request_metadata.request_id = trace_info.request_id AND "
      "\"key\" = 'mlflow.gateway.endpointId')");
}

void fill_assessments(db::Tx& tx) {
  tx.execute(
      "UPDATE assessments SET experiment_id = (SELECT experiment_id FROM trace_info WHERE "
      "request_id = trace_id), trace_timestamp_ms = (SELECT timestamp_ms FROM trace_info WHERE "
      "request_id = trace_id)");
  for (const Text& one : texts(tx, "SELECT assessment_id, value FROM assessments")) {
    const traces::Aggregate aggregate = traces::aggregate_of(one.value);
    tx.execute(
        "UPDATE assessments SET aggregate_value = ?, is_numeric_value = ? WHERE assessment_id = ?",
        aggregate.value, aggregate.is_numeric, one.id);
  }
}

void remove_moved(db::Tx& tx) {
  tx.execute("DELETE FROM trace_tags WHERE \"key\" = 'mlflow.traceName'");
  tx.execute(
      "DELETE FROM trace_request_metadata WHERE \"key\" IN ('mlflow.trace.session', "
      "'mlflow.trace.tokenUsage', 'mlflow.trace.cost')");
  for (const std::string_view key : traces::token_keys) {
    tx.execute("DELETE FROM trace_metrics WHERE \"key\" = ?", key);
  }
  for (const std::string_view key : traces::cost_keys) {
    tx.execute("DELETE FROM span_metrics WHERE \"key\" = ?", key);
  }
}

bool has_column(db::Tx& tx, std::string_view table, std::string_view name) {
  for (const db::Column& column : tx.columns(table)) {
    if (column.name == name) return true;
  }
  return false;
}

std::optional<std::string> text_of(const JsonView& object, std::string_view name) {
  std::string text;
  const auto member = object.member(name);
  return member && member->read(text) ? std::optional(text) : std::nullopt;
}

}  // namespace

void fill_trace_columns(db::Tx& tx) {
  fill_names(tx);
  fill_tokens(tx);
  fill_spans(tx);
  fill_assessments(tx);
  remove_moved(tx);
}

TracePages::TracePages(db::Database& source, std::vector<Part> parts)
    : source_(source), parts_(std::move(parts)), page_(db::open_scratch_database()) {}

bool TracePages::are_needed(db::Database& source) {
  return source.read([](db::Tx& tx) {
    return !tx.columns("trace_info").empty() && !has_column(tx, "trace_info", "trace_name");
  });
}

// Between the two revisions the model's name stood in a JSON column of the span.
void TracePages::read_span_models(db::Tx& from, db::Tx& to, const Ids& ids) const {
  if (!has_column(from, "spans", "dimension_attributes")) return;
  db::Rows rows = from.query_values(
      "SELECT trace_id, span_id, dimension_attributes FROM spans WHERE dimension_attributes IS NOT "
      "NULL AND trace_id IN (" +
          page_marks() + ")",
      page_values(ids));
  while (rows.next()) {
    const JsonDocument document = parse_body(rows.view(2));
    to.execute(
        "UPDATE spans SET model_name = ?, model_provider = ? WHERE trace_id = ? AND "
        "span_id = ?",
        text_of(document.root(), "mlflow.llm.model"),
        text_of(document.root(), "mlflow.llm.provider"), rows.view(0), rows.view(1));
  }
}

db::Database& TracePages::fill(const Ids& ids) {
  page_->write([&](db::Tx& to) {
    for (const Part& part : parts_) to.execute("DELETE FROM " + part.table);
    source_.read([&](db::Tx& from) {
      for (const Part& part : parts_) PartRows(from, to, part).copy(from, to, ids);
      read_span_models(from, to, ids);
    });
    fill_trace_columns(to);
  });
  return *page_;
}

}  // namespace sandbox::import
