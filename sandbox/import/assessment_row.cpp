#include "sandbox/import/assessment_row.h"

#include "sandbox/import/file_store_meta.h"

namespace sandbox::import {
namespace {

// The value of an assessment as the database keeps it, in JSON; a serialized one is JSON already.
std::string value_json(const PythonJson& payload) {
  if (const PythonJson* value = payload.find("value")) return value->dumps();
  const PythonJson* serialized = payload.find("serialized_value");
  const PythonJson* value = serialized == nullptr ? nullptr : serialized->find("value");
  return value == nullptr ? "null" : value->str();
}

}  // namespace

bool insert_assessment(db::Tx& tx,
                       const PythonJson& assessment,
                       const std::string& trace,
                       const std::string& id) {
  std::string type;
  const PythonJson* payload = nullptr;
  for (const char* name : {"feedback", "expectation", "issue"}) {
    if (const PythonJson* found = assessment.find(name)) {
      payload = found;
      type = name;
    }
  }
  if (payload == nullptr) return false;
  std::optional<std::string> error;
  if (const PythonJson* found = payload->find("error"); found != nullptr && found->is_true()) {
    error = found->dumps();
  }
  const std::string value = type == "issue" ? payload->dumps() : value_json(*payload);
  const PythonJson none = PythonJson::object();
  const PythonJson* source = assessment.find("source");
  if (source == nullptr) source = &none;
  std::optional<std::string> metadata;
  if (const PythonJson* found = assessment.find("metadata"); found != nullptr && found->is_true()) {
    metadata = found->dumps();
  }
  auto created = meta_time(assessment, "create_time");
  if (!created) created = meta_time(assessment, "create_time_ms");
  auto updated = meta_time(assessment, "last_update_time");
  if (!updated) updated = meta_time(assessment, "last_update_time_ms");
  const bool is_valid = meta_text(assessment, "valid").value_or("True") == "True";
  auto name = meta_text(assessment, "assessment_name");
  if (!name) name = meta_text(assessment, "name");
  tx.execute(
      "INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, error, "
      "created_timestamp, last_updated_timestamp, source_type, source_id, run_id, span_id, "
      "rationale, overrides, valid, assessment_metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      meta_text(assessment, "assessment_id").value_or(id), trace, name.value_or(""), type, value,
      error, created.value_or(0), updated.value_or(created.value_or(0)),
      meta_text(*source, "source_type").value_or("CODE"), meta_text(*source, "source_id"),
      meta_text(assessment, "run_id"), meta_text(assessment, "span_id"),
      meta_text(assessment, "rationale"), meta_text(assessment, "overrides"), is_valid, metadata);
  return true;
}

}  // namespace sandbox::import
