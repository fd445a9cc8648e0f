// What people, code and language models say of a trace: feedback, expectations and references to
// issues. Rows of MLflow's table `assessments`.
// Source of the rules: MLflow 3.17's tracking store (store/tracking/sqlalchemy_store.py) and its
// entities (entities/assessment.py).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/db/database.h"

namespace sandbox::traces {

struct SourceTypeWords : AnyNumber {
  static constexpr std::array<EnumWord, 4> words{
      {{"SOURCE_TYPE_UNSPECIFIED", 0}, {"HUMAN", 1}, {"LLM_JUDGE", 2}, {"CODE", 3}}};
};

struct AssessmentSource {
  Enum<SourceTypeWords> source_type;
  std::optional<std::string> source_id;
  static constexpr auto fields() {
    return std::tuple{field("source_type", &AssessmentSource::source_type),
                      field("source_id", &AssessmentSource::source_id)};
  }
};

struct AssessmentError {
  std::string error_code;
  std::optional<std::string> error_message;
  std::optional<std::string> stack_trace;
  static constexpr auto fields() {
    return std::tuple{field("error_code", &AssessmentError::error_code),
                      field("error_message", &AssessmentError::error_message),
                      field("stack_trace", &AssessmentError::stack_trace)};
  }
};

struct Feedback {
  std::optional<JsonText> value;
  std::optional<AssessmentError> error;
  static constexpr auto fields() {
    return std::tuple{field("value", &Feedback::value), field("error", &Feedback::error)};
  }
};

struct SerializedValue {
  std::string serialization_format;  // JSON_FORMAT
  std::string value;
  static constexpr auto fields() {
    return std::tuple{field("serialization_format", &SerializedValue::serialization_format),
                      field("value", &SerializedValue::value)};
  }
};

// Numbers, texts and flags stand in `value`, lists and objects in `serialized_value`.
struct Expectation {
  std::optional<JsonText> value;
  std::optional<SerializedValue> serialized_value;
  static constexpr auto fields() {
    return std::tuple{field("value", &Expectation::value),
                      field("serialized_value", &Expectation::serialized_value)};
  }
};

struct IssueReference {
  std::string issue_name;
  static constexpr auto fields() {
    return std::tuple{field("issue_name", &IssueReference::issue_name)};
  }
};

// Exactly one of feedback, expectation and issue is there.
struct Assessment {
  std::optional<std::string> assessment_id;
  std::string assessment_name;  // the issue's id for a reference to an issue
  std::string trace_id;
  std::optional<std::string> span_id;
  AssessmentSource source;
  std::string create_time;  // RFC 3339
  std::string last_update_time;
  std::optional<Feedback> feedback;
  std::optional<Expectation> expectation;
  std::optional<IssueReference> issue;
  std::optional<std::string> rationale;
  TextMap metadata;
  std::optional<std::string> overrides;  // the id of the feedback that this one replaces
  std::optional<bool> valid;             // nothing replaced it; the server's answer only
  static constexpr auto fields() {
    return std::tuple{field("assessment_id", &Assessment::assessment_id),
                      field("assessment_name", &Assessment::assessment_name),
                      field("trace_id", &Assessment::trace_id),
                      field("span_id", &Assessment::span_id),
                      field("source", &Assessment::source),
                      field("create_time", &Assessment::create_time),
                      field("last_update_time", &Assessment::last_update_time),
                      field("feedback", &Assessment::feedback),
                      field("expectation", &Assessment::expectation),
                      field("issue", &Assessment::issue),
                      field("rationale", &Assessment::rationale),
                      field("metadata", &Assessment::metadata),
                      field("overrides", &Assessment::overrides),
                      field("valid", &Assessment::valid)};
  }
};

// The number that charts of assessments are made of: of an assessment's value in JSON. A bool and
// "yes"/"no" have one, but are not numeric.
struct Aggregate {
  std::optional<double> value;
  bool is_numeric = false;
};
Aggregate aggregate_of(std::string_view json);

// Every method may be called from every thread. RESOURCE_DOES_NOT_EXIST for an unknown trace and
// for an assessment it does not have, INVALID_PARAMETER_VALUE for one without a value.
class Assessments {
 public:
  Assessments(Env& env, db::Database& database) : env_(env), database_(database) {}

  // Feedback that overrides another assessment of the trace makes that one invalid.
  // RESOURCE_ALREADY_EXISTS for an id that is taken.
  Assessment create(const std::string& trace_id, const Assessment& in);
  Assessment get(const std::string& trace_id, const std::string& assessment_id);
  // Changes the fields that `mask` names to those of `in`, absent ones to empty; metadata is
  // merged. Names of fields that cannot change are ignored, as in the reference.
  Assessment update(const std::string& trace_id,
                    const std::string& assessment_id,
                    const Assessment& in,
                    const std::vector<std::string>& mask);
  // What it overrode is valid again. Nothing happens when there is no such assessment.
  void remove(const std::string& trace_id, const std::string& assessment_id);

 private:
  Env& env_;
  db::Database& database_;
};

// The assessments of these traces (a batch of id_batches.h), oldest first, by trace.
std::unordered_map<std::string, std::vector<Assessment>> read_assessments(
    db::Tx& tx, const std::vector<db::Value>& trace_ids);

// For a trace that brings assessments along: adds one under a new id when it has none; one of the
// same id is replaced. Throws Error(invalid_parameter_value) for one that says nothing.
void insert_assessment(db::Tx& tx,
                       Env& env,
                       const std::string& trace_id,
                       std::int64_t experiment_id,
                       std::int64_t trace_timestamp_ms,
                       const Assessment& assessment);

}  // namespace sandbox::traces
