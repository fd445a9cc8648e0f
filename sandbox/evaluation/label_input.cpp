#include "sandbox/evaluation/label_input.h"

#include <unordered_set>

#include "sandbox/base/error.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/text.h"

namespace sandbox::evaluation {
namespace {

constexpr std::size_t label_max = 64;  // characters, of labels and options
constexpr std::size_t options_max = 10;

[[noreturn]] void refuse(const std::string& sentence) {
  throw Error(Code::invalid_parameter_value, sentence);
}

void check(const PassFailInput& input) {
  const auto check_label = [](const std::string& name, const std::string& label) {
    if (label.empty()) refuse("`InputPassFail." + name + "` must be a non-empty string; got ''.");
    if (utf8_length(label) > label_max) {
      refuse("`InputPassFail." + name + "` must be at most " + std::to_string(label_max) +
             " characters; got " + std::to_string(utf8_length(label)) + ".");
    }
  };
  check_label("positive_label", input.positive_label);
  check_label("negative_label", input.negative_label);
  if (input.positive_label == input.negative_label) {
    refuse("`InputPassFail.positive_label` and `negative_label` must be distinct; got " +
           python_repr(input.positive_label) + " for both.");
  }
}

void check(const CategoricalInput& input) {
  const std::string options = "`InputCategorical.options` ";
  if (input.options.empty()) refuse(options + "must be a non-empty list; got [].");
  if (input.options.size() > options_max) {
    refuse(options + "must have at most " + std::to_string(options_max) + " entries; got " +
           std::to_string(input.options.size()) + ".");
  }
  std::unordered_set<std::string_view> seen;
  for (const std::string& option : input.options) {
    if (option.empty()) refuse(options + "entries must be non-empty strings; got ''.");
    if (utf8_length(option) > label_max) {
      refuse(options + "entries must be at most " + std::to_string(label_max) +
             " characters; got " + std::to_string(utf8_length(option)) + " for " +
             python_repr(option) + ".");
    }
    if (!seen.insert(option).second) {
      refuse(options + "must be deduplicated; " + python_repr(option) + " appears twice.");
    }
  }
}

void check(const NumericInput& input) {
  if (input.min_value && input.max_value && *input.min_value >= *input.max_value) {
    refuse("`InputNumeric.min_value` must be strictly less than `max_value`; got min=" +
           python_float(*input.min_value) + ", max=" + python_float(*input.max_value) + ".");
  }
}

void check(const TextInput& input) {
  if (input.max_length && *input.max_length < 1) {
    refuse("`InputText.max_length` must be at least 1; got " + std::to_string(*input.max_length) +
           ".");
  }
}

std::string class_of(const LabelInput& input) {
  if (input.pass_fail) return "InputPassFail";
  if (input.categorical) return "InputCategorical";
  return input.numeric ? "InputNumeric" : "InputText";
}

PythonJson or_null(const std::optional<double>& number) {
  return number ? PythonJson::of(*number) : PythonJson{};
}

std::optional<double> number_of(const PythonJson* value) {
  if (value == nullptr) return std::nullopt;
  if (value->kind == PythonJson::Kind::real) return value->number;
  return parse_double(value->text);
}

std::string text_of(const PythonJson* value) {
  return value == nullptr ? "" : value->text;
}

}  // namespace

void check_label_input(const std::optional<LabelInput>& input) {
  const int ways = input ? static_cast<int>(input->pass_fail.has_value()) +
                               static_cast<int>(input->categorical.has_value()) +
                               static_cast<int>(input->numeric.has_value()) +
                               static_cast<int>(input->text.has_value())
                         : 0;
  if (ways != 1) {
    refuse(
        "Label schema `input` must have exactly one of `pass_fail`, `categorical`, `numeric`, or "
        "`text` set; got " +
        (ways == 0 ? std::string("an empty oneof.") : std::to_string(ways) + " of them."));
  }
  if (input->pass_fail) check(*input->pass_fail);
  if (input->categorical) check(*input->categorical);
  if (input->numeric) check(*input->numeric);
  if (input->text) check(*input->text);
}

void check_same_kind(const LabelInput& before, const LabelInput& after) {
  if (class_of(before) != class_of(after)) {
    refuse("A label schema's input type cannot be changed after creation (existing: " +
           class_of(before) + ", got: " + class_of(after) + ").");
  }
  if (before.categorical && before.categorical->multi_select != after.categorical->multi_select) {
    refuse("`InputCategorical.multi_select` cannot be changed after creation.");
  }
}

StoredLabelInput stored_label_input(const LabelInput& input) {
  PythonJson config = PythonJson::object();
  if (input.pass_fail) {
    config.set("positive_label", PythonJson::of(input.pass_fail->positive_label));
    config.set("negative_label", PythonJson::of(input.pass_fail->negative_label));
    return {"pass_fail", config.dumps()};
  }
  if (input.categorical) {
    config.set("options", PythonJson::list_of(input.categorical->options));
    config.set("multi_select", PythonJson::of(input.categorical->multi_select));
    return {"categorical", config.dumps()};
  }
  if (input.numeric) {
    config.set("min_value", or_null(input.numeric->min_value));
    config.set("max_value", or_null(input.numeric->max_value));
    return {"numeric", config.dumps()};
  }
  config.set("max_length",
             input.text->max_length ? PythonJson::of(*input.text->max_length) : PythonJson{});
  return {"text", config.dumps()};
}

LabelInput label_input_of(const StoredLabelInput& stored) {
  const PythonJson config = PythonJson::parse(stored.config);
  LabelInput input;
  if (stored.type == "pass_fail") {
    input.pass_fail = PassFailInput{text_of(config.find("positive_label")),
                                    text_of(config.find("negative_label"))};
  } else if (stored.type == "categorical") {
    input.categorical.emplace();
    if (const PythonJson* options = config.find("options")) {
      for (const PythonJson& option : options->items) {
        input.categorical->options.push_back(option.str());
      }
    }
    const PythonJson* multi_select = config.find("multi_select");
    input.categorical->multi_select = multi_select != nullptr && multi_select->is_true();
  } else if (stored.type == "numeric") {
    input.numeric =
        NumericInput{number_of(config.find("min_value")), number_of(config.find("max_value"))};
  } else {
    input.text = TextInput{parse_int64(text_of(config.find("max_length")))};
  }
  return input;
}

}  // namespace sandbox::evaluation
