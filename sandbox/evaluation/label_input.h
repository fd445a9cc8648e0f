// How a reviewer answers a label schema: thumbs, a choice, a number, or text. Source of the rules:
// mlflow/genai/label_schemas/validation.py.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "sandbox/base/fields_json.h"

namespace sandbox::evaluation {

struct PassFailInput {
  std::string positive_label;
  std::string negative_label;
  static constexpr auto fields() {
    return std::tuple{field("positive_label", &PassFailInput::positive_label),
                      field("negative_label", &PassFailInput::negative_label)};
  }
};

struct CategoricalInput {
  std::vector<std::string> options;
  bool multi_select = false;
  static constexpr auto fields() {
    return std::tuple{field("options", &CategoricalInput::options),
                      field("multi_select", &CategoricalInput::multi_select)};
  }
};

struct NumericInput {
  std::optional<double> min_value;
  std::optional<double> max_value;
  static constexpr auto fields() {
    return std::tuple{field("min_value", &NumericInput::min_value),
                      field("max_value", &NumericInput::max_value)};
  }
};

struct TextInput {
  std::optional<std::int64_t> max_length;
  static constexpr auto fields() { return std::tuple{field("max_length", &TextInput::max_length)}; }
};

// Exactly one of them is there.
struct LabelInput {
  std::optional<PassFailInput> pass_fail;
  std::optional<CategoricalInput> categorical;
  std::optional<NumericInput> numeric;
  std::optional<TextInput> text;
  static constexpr auto fields() {
    return std::tuple{field("pass_fail", &LabelInput::pass_fail),
                      field("categorical", &LabelInput::categorical),
                      field("numeric", &LabelInput::numeric), field("text", &LabelInput::text)};
  }
};

// INVALID_PARAMETER_VALUE unless exactly one way is there and its parts keep the rules.
void check_label_input(const std::optional<LabelInput>& input);
// The way stays as it is, and whether several options may be chosen; labels and bounds may change.
void check_same_kind(const LabelInput& before, const LabelInput& after);

// What the table keeps: "pass_fail", "categorical", "numeric" or "text", and its parts as JSON.
struct StoredLabelInput {
  std::string type;
  std::string config;
};
StoredLabelInput stored_label_input(const LabelInput& input);
LabelInput label_input_of(const StoredLabelInput& stored);

}  // namespace sandbox::evaluation
