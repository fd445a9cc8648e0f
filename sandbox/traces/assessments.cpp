// Source of the rules: SqlAssessments of MLflow 3.17 (store/tracking/dbmodels/models.py).
#include "sandbox/traces/assessments.h"

#include <cmath>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/id_batches.h"
#include "sandbox/traces/python_json.h"
#include "sandbox/traces/times.h"

namespace sandbox::traces {
namespace {

constexpr std::string_view json_format = "JSON_FORMAT";

// What the column `value` holds, and beside it the number that analytics average.
struct StoredValue {
  std::string type;
  std::string json;
  std::optional<double> aggregate;
  bool is_number = false;
};

// Flags count 1 and 0, and so do the words yes and no; other texts have no number.
void set_aggregate(StoredValue& stored) {
  const JsonDocument document(stored.json);
  const JsonView view = document.root();
  bool flag = false;
  double number = 0;
  std::string text;
  if (view.is_bool() && view.read(flag)) {
    stored.aggregate = flag ? 1 : 0;
  } else if (view.is_number() && view.read(number) && std::isfinite(number)) {
    stored.aggregate = number;
    stored.is_number = true;
  } else if (view.is_string() && view.read(text)) {
    const std::string word = lower(trim(text));
    if (word == "yes" || word == "no") stored.aggregate = word == "yes" ? 1 : 0;
  }
}

StoredValue stored_value(const Assessment& assessment) {
  StoredValue stored;
  if (assessment.feedback) {
    stored.type = "feedback";
    const auto& value = assessment.feedback->value;
    stored.json = value ? to_python_json(value->json, true, true) : "null";
  } else if (assessment.expectation && assessment.expectation->serialized_value) {
    const SerializedValue& value = *assessment.expectation->serialized_value;
    if (value.serialization_format != json_format) {
      throw Error(Code::invalid_parameter_value,
                  "Unknown serialization format: " + value.serialization_format +
                      ". Only JSON_FORMAT is supported.");
    }
    stored.type = "expectation";
    const JsonDocument checked(value.value);
    stored.json = to_python_json(value.value, true);
  } else if (assessment.expectation) {
    stored.type = "expectation";
    const auto& value = assessment.expectation->value;
    stored.json = value ? to_python_json(value->json, true, true) : "null";
  } else if (assessment.issue) {
    stored.type = "issue";
    PythonJson writer(stored.json, true);
    writer.begin_object();
    writer.member("issue_name");
    writer.string(assessment.issue->issue_name);
    writer.end_object();
  } else {
    throw Error(Code::invalid_parameter_value,
                "Assessment must have either feedback, expectation, or issue value");
  }
  set_aggregate(stored);
  return stored;
}

std::optional<std::string> error_json(const Assessment& assessment) {
  if (!assessment.feedback || !assessment.feedback->error) return std::nullopt;
  const AssessmentError& error = *assessment.feedback->error;
  std::string json;
  PythonJson writer(json, true);
  writer.begin_object();
  writer.member("error_code");
  writer.string(error.error_code);
  const auto text_or_null = [&](std::string_view name, const std::optional<std::string>& text) {
    writer.member(name);
    if (text && !text->empty()) {
      writer.string(*text);
    } else {
      writer.null();
    }
  };
  text_or_null("error_message", error.error_message);
  text_or_null("stack_trace", error.stack_trace);
  writer.end_object();
  return json;
}

std::optional<std::string> metadata_json(const Assessment& assessment) {
  if (assessment.metadata.empty()) return std::nullopt;
  std::string json;
  PythonJson writer(json, true);
  writer.begin_object();
  for (const auto& [key, value] : assessment.metadata) {
    writer.member(key);
    writer.string(value);
  }
  writer.end_object();
  return json;
}

// Empty text is no value where protobuf knows no absence.
std::optional<std::string> text_or_none(const std::optional<std::string>& text) {
  return text && !text->empty() ? text : std::nullopt;
}

TextMap read_metadata(std::string_view json) {
  TextMap metadata;
  const JsonDocument document(json);
  for (const std::string& key : document.root().names()) {
    const JsonView value = *document.root().member(key);
    if (!value.read(metadata[key])) metadata[key] = value.dump();
  }
  return metadata;
}

void read_stored_value(Assessment& assessment,
                       std::string_view type,
                       std::string value,
                       const std::optional<std::string>& error) {
  if (type == "feedback") {
    assessment.feedback = Feedback{JsonText{std::move(value)}, std::nullopt};
    if (error) {
      AssessmentError& read = assessment.feedback->error.emplace();
      read_message(JsonDocument(*error).root(), read);
    }
  } else if (type == "issue") {
    IssueReference& read = assessment.issue.emplace();
    read_message(JsonDocument(value).root(), read);
  } else {
    const bool is_plain = value != "null" && value[0] != '[' && value[0] != '{';
    Expectation& expectation = assessment.expectation.emplace();
    if (is_plain) {
      expectation.value = JsonText{std::move(value)};
    } else {
      expectation.serialized_value = {std::string(json_format), std::move(value)};
    }
  }
}

}  // namespace

Assessment assessment_of(const db::Rows& row) {
  Assessment assessment;
  assessment.trace_id = row.text(0);
  assessment.assessment_id = row.text(1);
  assessment.assessment_name = row.text(2);
  read_stored_value(assessment, row.view(3), row.text(4), row.maybe_text(5));
  assessment.create_time = timestamp_text(row.integer(6));
  assessment.last_update_time = timestamp_text(row.integer(7));
  assessment.source = {row.text(8), row.maybe_text(9)};
  assessment.span_id = row.maybe_text(10);
  assessment.rationale = row.maybe_text(11);
  assessment.overrides = row.maybe_text(12);
  assessment.valid = row.integer(13) != 0;
  if (!row.is_null(14)) assessment.metadata = read_metadata(row.view(14));
  return assessment;
}

std::unordered_map<std::string, std::vector<Assessment>> read_assessments(
    db::Tx& tx, const std::vector<db::Value>& trace_ids) {
  std::unordered_map<std::string, std::vector<Assessment>> found;
  db::Rows rows = tx.query_values(
      "SELECT " + std::string(assessment_columns) + " FROM assessments WHERE trace_id IN (" +
          question_marks(trace_ids.size()) + ") ORDER BY trace_id, created_timestamp",
      trace_ids);
  while (rows.next()) found[rows.text(0)].push_back(assessment_of(rows));
  return found;
}

void insert_assessment(db::Tx& tx,
                       Env& env,
                       const std::string& trace_id,
                       std::int64_t experiment_id,
                       std::int64_t trace_timestamp_ms,
                       const Assessment& assessment) {
  const StoredValue stored = stored_value(assessment);
  const std::int64_t now = env.now_ms();
  const auto given_id = text_or_none(assessment.assessment_id);
  const std::string id = given_id ? *given_id : "a-" + env.new_id();
  tx.execute(
      "INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, error, "
      "created_timestamp, last_updated_timestamp, source_type, source_id, run_id, span_id, "
      "rationale, overrides, valid, assessment_metadata, experiment_id, trace_timestamp_ms, "
      "aggregate_value, is_numeric_value) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?) ON CONFLICT (assessment_id) DO UPDATE SET trace_id = excluded.trace_id, name "
      "= excluded.name, assessment_type = excluded.assessment_type, value = excluded.value, error "
      "= excluded.error, last_updated_timestamp = excluded.last_updated_timestamp, source_type = "
      "excluded.source_type, source_id = excluded.source_id, span_id = excluded.span_id, rationale "
      "= excluded.rationale, overrides = excluded.overrides, valid = excluded.valid, "
      "assessment_metadata = excluded.assessment_metadata, experiment_id = excluded.experiment_id, "
      "trace_timestamp_ms = excluded.trace_timestamp_ms, aggregate_value = "
      "excluded.aggregate_value, is_numeric_value = excluded.is_numeric_value",
      id, trace_id, assessment.assessment_name, stored.type, stored.json, error_json(assessment),
      parse_timestamp(assessment.create_time).value_or(now),
      parse_timestamp(assessment.last_update_time).value_or(now),
      assessment.source.source_type.empty() ? "SOURCE_TYPE_UNSPECIFIED"
                                            : assessment.source.source_type,
      text_or_none(assessment.source.source_id), text_or_none(assessment.span_id),
      text_or_none(assessment.rationale), text_or_none(assessment.overrides), true,
      metadata_json(assessment), experiment_id, trace_timestamp_ms, stored.aggregate,
      stored.is_number);
}

}  // namespace sandbox::traces
