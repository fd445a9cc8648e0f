// Label schemas: the questions reviewers answer about the traces of an experiment. Every experiment
// has a default question, "Feedback", that comes by itself and cannot be changed. Source of the
// rules: MLflow 3.17's tracking store.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "sandbox/base/env.h"
#include "sandbox/base/fields.h"
#include "sandbox/db/database.h"
#include "sandbox/evaluation/label_input.h"

namespace sandbox::evaluation {

struct LabelSchema {
  std::string schema_id;  // "ls-…"
  std::string experiment_id;
  std::string name;  // unique in its experiment
  std::string type;  // FEEDBACK or EXPECTATION
  std::optional<std::string> instruction;
  bool enable_comment = false;
  LabelInput input;
  std::optional<std::string> created_by;
  std::int64_t created_at = 0;  // epoch ms
  std::int64_t last_updated_at = 0;
  bool is_default = false;
  static constexpr auto fields() {
    return std::tuple{field("schema_id", &LabelSchema::schema_id),
                      field("experiment_id", &LabelSchema::experiment_id),
                      field("name", &LabelSchema::name),
                      field("type", &LabelSchema::type),
                      field("instruction", &LabelSchema::instruction),
                      field("enable_comment", &LabelSchema::enable_comment),
                      field("input", &LabelSchema::input),
                      field("created_by", &LabelSchema::created_by),
                      field("created_at", &LabelSchema::created_at),
                      field("last_updated_at", &LabelSchema::last_updated_at),
                      field("is_default", &LabelSchema::is_default)};
  }
};

struct LabelSchemaTypeWords : AnyNumber {
  static constexpr std::array<EnumWord, 3> words{
      {{"LABEL_SCHEMA_TYPE_UNSPECIFIED", 0}, {"FEEDBACK", 1}, {"EXPECTATION", 2}}};
};

struct NewLabelSchema {
  std::string experiment_id;
  std::string name;
  Enum<LabelSchemaTypeWords> type;
  std::optional<LabelInput> input;
  std::optional<std::string> instruction;
  bool enable_comment = false;
  static constexpr auto fields() {
    return std::tuple{
        required("experiment_id", &NewLabelSchema::experiment_id),
        required("name", &NewLabelSchema::name),
        field("type", &NewLabelSchema::type, "FEEDBACK or EXPECTATION."),
        field("input", &NewLabelSchema::input, "One of pass_fail, categorical, numeric and text."),
        field("instruction", &NewLabelSchema::instruction),
        field("enable_comment", &NewLabelSchema::enable_comment)};
  }
};

struct UpdateLabelSchema {
  std::string schema_id;
  std::optional<std::string> name;
  std::optional<std::string> instruction;
  std::optional<bool> enable_comment;
  std::optional<LabelInput> input;
  static constexpr auto fields() {
    return std::tuple{required("schema_id", &UpdateLabelSchema::schema_id),
                      field("name", &UpdateLabelSchema::name),
                      field("instruction", &UpdateLabelSchema::instruction),
                      field("enable_comment", &UpdateLabelSchema::enable_comment),
                      field("input", &UpdateLabelSchema::input, "Of the same kind as before.")};
  }
};

struct LabelSchemaPage {
  std::vector<LabelSchema> label_schemas;
  std::string next_page_token;  // "" on the last page, as in the reference
  static constexpr auto fields() {
    return std::tuple{field("label_schemas", &LabelSchemaPage::label_schemas),
                      field("next_page_token", &LabelSchemaPage::next_page_token)};
  }
};

// Every method may be called from every thread.
class LabelSchemas {
 public:
  LabelSchemas(Env& env, db::Database& database) : env_(env), database_(database) {}

  // RESOURCE_ALREADY_EXISTS when the experiment has a schema of that name.
  LabelSchema create(const NewLabelSchema& in);
  LabelSchema get(const std::string& schema_id);
  LabelSchema get_by_name(const std::string& experiment_id, const std::string& name);
  // The newest first. Makes the default question of an experiment that has none yet.
  LabelSchemaPage list(const std::string& experiment_id,
                       std::int64_t max_results,
                       const std::string& page_token);
  LabelSchema update(const UpdateLabelSchema& in);
  // Nothing happens when there is none. Answers that were given stay.
  void remove(const std::string& schema_id);

 private:
  Env& env_;
  db::Database& database_;
};

}  // namespace sandbox::evaluation
