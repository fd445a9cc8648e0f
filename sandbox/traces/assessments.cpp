#include "sandbox/traces/assessments.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"
#include "sandbox/traces/id_batches.h"
#include "sandbox/traces/times.h"

namespace sandbox::traces {
namespace {

constexpr std::string_view source_run_key = "mlflow.assessment.sourceRunId";
constexpr std::string_view truncated_prefix = "[Stack trace is truncated]\n...\n";
constexpr std::size_t stack_trace_max = 10000;  // characters of an answer

constexpr std::string_view columns =
    "assessment_id, trace_id, name, assessment_type, value, error, created_timestamp, "
    "last_updated_timestamp, source_type, source_id, span_id, rationale, overrides, valid, "
    "assessment_metadata";

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

[[noreturn]] void no_assessment(const std::string& trace_id, const std::string& assessment_id) {
  throw Error(Code::resource_does_not_exist,
              "Assessment with ID '" + assessment_id + "' not found for trace '" + trace_id + "'");
}

struct TraceRow {
  std::int64_t experiment_id = 0;
  std::int64_t timestamp_ms = 0;
};

std::optional<TraceRow> find_trace(db::Tx& tx, const std::string& trace_id) {
  db::Rows rows =
      tx.query("SELECT experiment_id, timestamp_ms FROM trace_info WHERE request_id = ?", trace_id);
  if (!rows.next()) return std::nullopt;
  return TraceRow{rows.integer(0), rows.integer(1)};
}

std::int64_t timestamp_ms(std::string_view name, std::string_view text, std::int64_t otherwise) {
  if (text.empty()) return otherwise;
  const auto parsed = parse_timestamp(text);
  if (!parsed) {
    refuse("Invalid value '" + std::string(text) + "' for parameter '" + std::string(name) +
           "' supplied. Write it as 2025-01-31T08:00:00.123Z.");
  }
  return *parsed == 0 ? otherwise : *parsed;
}

// A value as protobuf's Value holds it: every number is a real.
std::string value_json(std::string_view json) {
  return to_python_json(json, true, true);
}

// "" is NULL: the protocol does not tell them apart.
std::optional<std::string> not_blank(const std::optional<std::string>& text) {
  return text && !text->empty() ? text : std::nullopt;
}

std::string_view word_of(Enum<SourceTypeWords> type) {
  return type.name.empty() ? "SOURCE_TYPE_UNSPECIFIED" : type.name;
}

// The value of an assessment as its columns keep it.
struct Payload {
  std::string_view type;
  std::string value;  // JSON as Python writes it
  std::optional<std::string> error;
};

std::optional<std::string> error_json(const Feedback& feedback) {
  if (!feedback.error) return std::nullopt;
  const AssessmentError& error = *feedback.error;
  const auto text_or_null = [](const std::optional<std::string>& text) {
    return text && !text->empty() ? python_quoted(*text) : std::string("null");
  };
  return "{\"error_code\": " + python_quoted(error.error_code) +
         ", \"error_message\": " + text_or_null(error.error_message) +
         ", \"stack_trace\": " + text_or_null(error.stack_trace) + "}";
}

Payload payload_of(const Feedback& feedback) {
  return {"feedback", feedback.value ? value_json(feedback.value->json) : "null",
          error_json(feedback)};
}

Payload payload_of(const Expectation& expectation) {
  std::string value = "null";
  if (expectation.serialized_value) {
    const SerializedValue& serialized = *expectation.serialized_value;
    if (serialized.serialization_format != "JSON_FORMAT") {
      refuse("Unknown serialization format: " + serialized.serialization_format +
             ". Only JSON_FORMAT is supported.");
    }
    const JsonDocument checked(serialized.value);
    value = to_python_json(serialized.value, true);
  } else if (expectation.value) {
    value = value_json(expectation.value->json);
  }
  if (value == "null") refuse("The `value` field must be specified.");
  return {"expectation", std::move(value), std::nullopt};
}

Payload payload_of(const Assessment& in) {
  const int given = (in.feedback ? 1 : 0) + (in.expectation ? 1 : 0) + (in.issue ? 1 : 0);
  if (given == 0) refuse("Unknown assessment type: None");
  if (given > 1) {
    refuse("Exactly one of `expectation`, `feedback`, or `issue` should be specified.");
  }
  if (in.feedback) return payload_of(*in.feedback);
  if (in.expectation) return payload_of(*in.expectation);
  return {"issue", "{\"issue_name\": " + python_quoted(in.issue->issue_name) + "}", std::nullopt};
}

std::optional<std::string> metadata_json(const TextMap& metadata) {
  if (metadata.empty()) return std::nullopt;
  std::string out;
  for (const auto& [key, value] : metadata) {
    out.append(out.empty() ? "{" : ", ");
    out.append(python_quoted(key)).append(": ").append(python_quoted(value));
  }
  return out + "}";
}

TextMap metadata_of(std::string_view json) {
  TextMap metadata;
  if (json.empty()) return metadata;
  const JsonDocument document(json);
  for (const std::string& key : document.root().names()) {
    const JsonView value = *document.root().member(key);
    // A value that is no text can only have been written by something else than this API.
    if (!value.read(metadata[key])) metadata[key] = value.dump();
  }
  return metadata;
}

AssessmentError shown_error(std::string_view json) {
  auto error = from_json<AssessmentError>(json);
  error.error_message = not_blank(error.error_message);
  error.stack_trace = not_blank(error.stack_trace);
  if (error.stack_trace) {
    const std::size_t length = utf8_length(*error.stack_trace);
    if (length > stack_trace_max) {
      const std::size_t dropped = length - (stack_trace_max - truncated_prefix.size());
      error.stack_trace =
          std::string(truncated_prefix) +
          error.stack_trace->substr(utf8_prefix(*error.stack_trace, dropped).size());
    }
  }
  return error;
}

Expectation shown_expectation(std::string json) {
  Expectation expectation;
  if (json.starts_with('[') || json.starts_with('{')) {
    expectation.serialized_value = {"JSON_FORMAT", std::move(json)};
  } else {
    expectation.value = JsonText{value_json(json)};
  }
  return expectation;
}

// A row of `columns`.
Assessment assessment_of(const db::Rows& row) {
  Assessment out;
  out.assessment_id = row.text(0);
  out.trace_id = row.text(1);
  out.assessment_name = row.text(2);
  const std::string_view type = row.view(3);
  if (type == "feedback") {
    out.feedback = Feedback{JsonText{row.text(4)}, std::nullopt};
    if (!row.is_null(5)) out.feedback->error = shown_error(row.view(5));
  } else if (type == "expectation") {
    out.expectation = shown_expectation(row.text(4));
  } else {
    out.issue = from_json<IssueReference>(row.view(4));
  }
  out.create_time = timestamp_text(row.integer(6));
  out.last_update_time = timestamp_text(row.integer(7));
  out.source = {Enum<SourceTypeWords>::of(row.view(8)), row.maybe_text(9)};
  out.span_id = row.maybe_text(10);
  out.rationale = row.maybe_text(11);
  out.overrides = not_blank(row.maybe_text(12));
  out.valid = row.integer(13) != 0;
  out.metadata = metadata_of(row.view(14));
  return out;
}

Assessment read_assessment(db::Tx& tx,
                           const std::string& trace_id,
                           const std::string& assessment_id) {
  static const std::string sql = "SELECT " + std::string(columns) +
                                 " FROM assessments WHERE assessment_id = ? AND trace_id = ?";
  db::Rows rows = tx.query(sql, assessment_id, trace_id);
  if (rows.next()) return assessment_of(rows);
  if (!find_trace(tx, trace_id)) {
    throw Error(Code::resource_does_not_exist,
                "Trace with request_id '" + trace_id + "' not found");
  }
  no_assessment(trace_id, assessment_id);
}

// False when the id is taken and `on_conflict` says to do nothing.
bool add_row(db::Tx& tx,
             const std::string& trace_id,
             const TraceRow& trace,
             const Assessment& in,
             const std::string& assessment_id,
             std::int64_t now,
             std::string_view on_conflict) {
  const Payload payload = payload_of(in);
  const Aggregate aggregate = aggregate_of(payload.value);
  const auto run = in.metadata.find(std::string(source_run_key));
  const bool has_rationale = payload.type != "expectation";
  // Only feedback replaces other assessments.
  const auto overrides = payload.type == "feedback" ? not_blank(in.overrides) : std::nullopt;
  const auto source_id = not_blank(in.source.source_id);
  const auto span_id = not_blank(in.span_id);
  const auto rationale = has_rationale ? not_blank(in.rationale) : std::nullopt;
  const auto metadata = metadata_json(in.metadata);
  const auto run_id = run == in.metadata.end() ? std::nullopt : std::optional(run->second);
  return tx.execute(
             "INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, "
             "error, created_timestamp, last_updated_timestamp, source_type, source_id, run_id, "
             "span_id, rationale, overrides, valid, assessment_metadata, experiment_id, "
             "trace_timestamp_ms, aggregate_value, is_numeric_value) VALUES (?, ?, ?, ?, ?, ?, ?, "
             "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT " +
                 std::string(on_conflict),
             assessment_id, trace_id, in.assessment_name, payload.type, payload.value,
             payload.error, timestamp_ms("create_time", in.create_time, now),
             timestamp_ms("last_update_time", in.last_update_time, now),
             word_of(in.source.source_type), source_id, run_id, span_id, rationale, overrides, true,
             metadata, trace.experiment_id, trace.timestamp_ms, aggregate.value,
             aggregate.is_numeric) == 1;
}

std::string id_of(Env& env, const Assessment& in) {
  const auto given = not_blank(in.assessment_id);
  return given ? *given : "a-" + env.new_id();
}

bool has(const std::vector<std::string>& mask, std::string_view name) {
  return std::find(mask.begin(), mask.end(), name) != mask.end();
}

// The value of the mask's field of `in`, or the stored one as it is.
Payload updated_payload(db::Tx& tx,
                        const Assessment& stored,
                        const Assessment& in,
                        const std::vector<std::string>& mask) {
  const bool to_expectation = has(mask, "expectation");
  const bool to_feedback = has(mask, "feedback");
  const std::optional<Payload> expectation =
      to_expectation ? std::optional(payload_of(in.expectation.value_or(Expectation{})))
                     : std::nullopt;
  if (to_expectation && to_feedback) {
    refuse("Cannot specify both `expectation` and `feedback` parameters.");
  }
  if (to_expectation && !stored.expectation) {
    refuse("Cannot update expectation value on a Feedback assessment.");
  }
  if (to_feedback && !stored.feedback) {
    refuse("Cannot update feedback value on an Expectation assessment.");
  }
  if (expectation) return *expectation;
  if (to_feedback) return payload_of(in.feedback.value_or(Feedback{}));
  db::Rows rows = tx.query("SELECT value, error FROM assessments WHERE assessment_id = ?",
                           *stored.assessment_id);
  rows.next();
  return {stored.feedback ? "feedback" : "expectation", rows.text(0), rows.maybe_text(1)};
}

}  // namespace

Aggregate aggregate_of(std::string_view json) {
  if (json == "true") return {1, false};
  if (json == "false") return {0, false};
  if (json.starts_with('"')) {
    const std::string word = lower(trim(json.substr(1, json.size() - 2)));
    if (word == "yes") return {1, false};
    if (word == "no") return {0, false};
    return {};
  }
  const auto number = parse_double(json);
  return number && std::isfinite(*number) ? Aggregate{number, true} : Aggregate{};
}

Assessment Assessments::create(const std::string& trace_id, const Assessment& in) {
  const std::string assessment_id = id_of(env_, in);
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    const auto trace = find_trace(tx, trace_id);
    if (!trace) {
      throw Error(Code::resource_does_not_exist, "Trace with ID '" + trace_id + "' not found.");
    }
    if (in.feedback && not_blank(in.overrides) &&
        tx.execute("UPDATE assessments SET valid = ? WHERE assessment_id = ? AND trace_id = ?",
                   false, *in.overrides, trace_id) == 0) {
      no_assessment(trace_id, *in.overrides);
    }
    if (!add_row(tx, trace_id, *trace, in, assessment_id, now, "DO NOTHING")) {
      throw Error(Code::resource_already_exists,
                  "Assessment with ID '" + assessment_id +
                      "' exists already. Leave assessment_id out to get a new one.");
    }
    return read_assessment(tx, trace_id, assessment_id);
  });
}

Assessment Assessments::get(const std::string& trace_id, const std::string& assessment_id) {
  return database_.read([&](db::Tx& tx) { return read_assessment(tx, trace_id, assessment_id); });
}

Assessment Assessments::update(const std::string& trace_id,
                               const std::string& assessment_id,
                               const Assessment& in,
                               const std::vector<std::string>& mask) {
  const std::int64_t now = env_.now_ms();
  return database_.write([&](db::Tx& tx) {
    const Assessment stored = read_assessment(tx, trace_id, assessment_id);
    if (has(mask, "valid")) {
      refuse("`valid` cannot be updated. It follows from the assessments that override this one.");
    }
    if (stored.issue) {
      refuse(
          "Assessment '" + assessment_id +
          "' is a reference to an issue, which cannot be updated. Delete it and create another.");
    }
    const Payload payload = updated_payload(tx, stored, in, mask);
    const std::string name =
        has(mask, "assessment_name") ? in.assessment_name : stored.assessment_name;
    const auto rationale = stored.expectation       ? std::nullopt
                           : has(mask, "rationale") ? std::optional(in.rationale.value_or(""))
                                                    : stored.rationale;
    TextMap merged = stored.metadata;
    if (has(mask, "metadata")) {
      for (const auto& [key, value] : in.metadata) merged[key] = value;
    }
    const auto metadata = metadata_json(merged);
    const Aggregate aggregate = aggregate_of(payload.value);
    tx.execute(
        "UPDATE assessments SET name = ?, value = ?, error = ?, last_updated_timestamp = ?, "
        "rationale = ?, assessment_metadata = ?, aggregate_value = ?, is_numeric_value = ? WHERE "
        "assessment_id = ?",
        name, payload.value, payload.error, now, rationale, metadata, aggregate.value,
        aggregate.is_numeric, assessment_id);
    return read_assessment(tx, trace_id, assessment_id);
  });
}

void Assessments::remove(const std::string& trace_id, const std::string& assessment_id) {
  database_.write([&](db::Tx& tx) {
    std::optional<std::string> overridden;
    {
      db::Rows rows =
          tx.query("SELECT overrides FROM assessments WHERE assessment_id = ? AND trace_id = ?",
                   assessment_id, trace_id);
      if (!rows.next()) return;
      overridden = rows.maybe_text(0);
    }
    if (overridden) {
      tx.execute("UPDATE assessments SET valid = ? WHERE assessment_id = ?", true, *overridden);
    }
    tx.execute("DELETE FROM assessments WHERE assessment_id = ?", assessment_id);
  });
}

std::unordered_map<std::string, std::vector<Assessment>> read_assessments(
    db::Tx& tx, const std::vector<db::Value>& trace_ids) {
  std::unordered_map<std::string, std::vector<Assessment>> found;
  db::Rows rows = tx.query_values(
      "SELECT " + std::string(columns) + " FROM assessments WHERE trace_id IN (" +
          question_marks(trace_ids.size()) + ") ORDER BY trace_id, created_timestamp",
      trace_ids);
  while (rows.next()) {
    Assessment assessment = assessment_of(rows);
    found[assessment.trace_id].push_back(std::move(assessment));
  }
  return found;
}

void insert_assessment(db::Tx& tx,
                       Env& env,
                       const std::string& trace_id,
                       std::int64_t experiment_id,
                       std::int64_t trace_timestamp_ms,
                       const Assessment& assessment) {
  add_row(tx, trace_id, {experiment_id, trace_timestamp_ms}, assessment, id_of(env, assessment),
          env.now_ms(),
          "(assessment_id) DO UPDATE SET trace_id = excluded.trace_id, name = excluded.name, "
          "assessment_type = excluded.assessment_type, value = excluded.value, error = "
          "excluded.error, created_timestamp = excluded.created_timestamp, last_updated_timestamp "
          "= excluded.last_updated_timestamp, source_type = excluded.source_type, source_id = "
          "excluded.source_id, run_id = excluded.run_id, span_id = excluded.span_id, rationale = "
          "excluded.rationale, overrides = excluded.overrides, valid = excluded.valid, "
          "assessment_metadata = excluded.assessment_metadata, experiment_id = "
          "excluded.experiment_id, trace_timestamp_ms = excluded.trace_timestamp_ms, "
          "aggregate_value = excluded.aggregate_value, is_numeric_value = "
          "excluded.is_numeric_value");
}

}  // namespace sandbox::traces
