#include "trainers/tabular/mlflow_folder.h"

#include <cmath>

#include "sandbox/base/python_json.h"
#include "trainers/text_file.h"

namespace trainers::tabular {

namespace fs = std::filesystem;
using sandbox::PythonJson;

namespace {

constexpr const char* booster_name = "model.ubj";
constexpr const char* booster_class = "xgboost.core.Booster";
constexpr const char* pickle_module = "mlflow.pytorch.pickle_module";

std::string input_schema(const ModelFolder& model) {
  PythonJson list;
  list.kind = PythonJson::Kind::list;
  for (const std::string& name : model.columns) {
    PythonJson column = PythonJson::object();
    column.set("type", PythonJson::of("double"));
    column.set("name", PythonJson::of(name));
    column.set("required", PythonJson::of(true));
    list.items.push_back(column);
  }
  return list.dumps();
}

// One number a row: the value, or the probability of the second class; of more classes one each.
// Torch's rows are always lists.
std::string output_schema(const ModelFolder& model) {
  const std::string one = model.flavor == Flavor::pytorch ? "-1, 1" : "-1";
  const std::string shape =
      model.classes.size() > 2 ? "-1, " + std::to_string(model.classes.size()) : one;
  return R"([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [)" + shape + "]}}]";
}

// What stands below `flavors`, up to the metadata.
std::string flavors(const ModelFolder& model) {
  const std::string environment = R"(
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.)";
  const std::string python = std::string("\n    python_version: ") + python_version;
  if (model.flavor == Flavor::pytorch) {
    return "  python_function:\n    config:\n      device: null\n    data: data" + environment +
           "pytorch\n    pickle_module_name: " + pickle_module + python +
           "\n  pytorch:\n    code: null\n    model_data: data\n    pytorch_version: " +
           yaml_quoted(model.library_version);
  }
  return std::string("  python_function:\n    data: ") + booster_name + environment + "xgboost" +
         python + "\n  xgboost:\n    code: null\n    data: " + booster_name +
         "\n    model_class: " + booster_class +
         "\n    model_format: ubj\n    xgb_version: " + model.library_version;
}

std::string mlmodel(const ModelFolder& model, std::int64_t bytes) {
  std::string text = "artifact_path: " + yaml_quoted(model.artifact_path) + "\nflavors:\n" +
                     flavors(model) + "\nmetadata:\n  task: " + std::string(task_name(model.task)) +
                     "\n  target: " + yaml_quoted(model.target) +
                     "\n  classes: " + PythonJson::list_of(model.classes).dumps();
  text += std::string("\nmlflow_version: ") + mlflow_version +
          "\nmodel_size_bytes: " + std::to_string(bytes) +
          "\nmodel_uuid: " + yaml_quoted(model.uuid) + "\nrun_id: " + yaml_quoted(model.run_id) +
          R"(
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  serving_input_path: serving_input_example.json
  type: dataframe
signature:
  inputs: )" +
          yaml_quoted(input_schema(model)) + "\n  outputs: " + yaml_quoted(output_schema(model)) +
          "\n  params: null\nutc_time_created: '" + created_text(model.now_ms) + "'\n";
  return text;
}

// Rows as pandas' to_json(orient="split") writes them.
PythonJson example(const ModelFolder& model) {
  PythonJson rows;
  rows.kind = PythonJson::Kind::list;
  for (std::size_t at = 0; at < model.example.size(); ++at) {
    if (at % model.columns.size() == 0) {
      rows.items.emplace_back().kind = PythonJson::Kind::list;
    }
    const double value = model.example[at];
    rows.items.back().items.push_back(std::isnan(value) ? PythonJson() : PythonJson::of(value));
  }
  PythonJson split = PythonJson::object();
  split.set("columns", PythonJson::list_of(model.columns));
  split.set("data", std::move(rows));
  return split;
}

}  // namespace

fs::path model_file(Flavor flavor, const fs::path& folder) {
  return flavor == Flavor::xgboost ? folder / booster_name : folder / "data" / "model.pth";
}

void write_model_folder(const ModelFolder& model, const fs::path& folder) {
  const PythonJson rows = example(model);
  PythonJson serving = PythonJson::object();
  serving.set("dataframe_split", rows);
  if (model.flavor == Flavor::xgboost) {
    write_environment(folder, {"pandas", "xgboost>=1.7"});
  } else {
    write_text(folder / "data" / "pickle_module_info.txt", pickle_module);
    write_environment(folder, {"torch>=1.13", "pandas", "numpy"});
  }
  write_text(folder / "input_example.json", rows.dumps());
  write_text(folder / "serving_input_example.json", serving.dumps());
  write_text(folder / "MLmodel", mlmodel(model, bytes_below(folder)));
}

std::string model_history(const ModelFolder& model) {
  PythonJson flavor = PythonJson::object();
  if (model.flavor == Flavor::pytorch) {
    flavor.set("model_data", PythonJson::of("data"));
    flavor.set("pytorch_version", PythonJson::of(model.library_version));
    return trainers::model_history(model, "data", "pytorch", flavor);
  }
  flavor.set("xgb_version", PythonJson::of(model.library_version));
  flavor.set("data", PythonJson::of(booster_name));
  flavor.set("model_class", PythonJson::of(booster_class));
  flavor.set("model_format", PythonJson::of("ubj"));
  return trainers::model_history(model, booster_name, "xgboost", flavor);
}

}  // namespace trainers::tabular
