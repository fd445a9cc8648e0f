#include "trainers/tabular/mlflow_folder.h"

#include <cmath>

#include "sandbox/base/python_json.h"
#include "sandbox/base/time.h"
#include "trainers/text_file.h"

namespace trainers::tabular {

namespace fs = std::filesystem;
using sandbox::PythonJson;

namespace {

constexpr const char* mlflow_version = "3.17.2";
constexpr const char* python_version = "3.11.2";
constexpr const char* booster_name = "model.ubj";
constexpr const char* booster_class = "xgboost.core.Booster";

std::int64_t bytes_below(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return static_cast<std::int64_t>(bytes);
}

// A text as YAML takes it anywhere: in double quotes, with JSON's escapes.
std::string quoted(const std::string& text) {
  return PythonJson::of(text).dumps();
}

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
std::string output_schema(const ModelFolder& model) {
  const std::string shape =
      model.classes.size() > 2 ? "-1, " + std::to_string(model.classes.size()) : "-1";
  return R"([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [)" + shape + "]}}]";
}

// "2026-11-27 23:42:49.656725", without a zone, as MLflow writes it.
std::string created(std::int64_t ms) {
  std::string text = sandbox::iso8601_ms(ms).substr(0, 23);
  text[10] = ' ';
  return text;
}

std::string mlmodel(const ModelFolder& model, std::int64_t bytes) {
  std::string text = "artifact_path: " + quoted(model.artifact_path) + R"(
flavors:
  python_function:
    data: )" + booster_name +
                     R"(
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.xgboost
    python_version: )" +
                     python_version + R"(
  xgboost:
    code: null
    data: )" + booster_name +
                     "\n    model_class: " + booster_class + "\n    model_format: ubj" +
                     "\n    xgb_version: " + model.xgboost_version +
                     "\nmetadata:\n  task: " + std::string(task_name(model.task)) +
                     "\n  target: " + quoted(model.target) +
                     "\n  classes: " + PythonJson::list_of(model.classes).dumps();
  text += std::string("\nmlflow_version: ") + mlflow_version +
          "\nmodel_size_bytes: " + std::to_string(bytes) + "\nmodel_uuid: " + quoted(model.uuid) +
          "\nrun_id: " + quoted(model.run_id) + R"(
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  serving_input_path: serving_input_example.json
  type: dataframe
signature:
  inputs: )" +
          quoted(input_schema(model)) + "\n  outputs: " + quoted(output_schema(model)) +
          "\n  params: null\nutc_time_created: '" + created(model.now_ms) + "'\n";
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

constexpr const char* requirements = "mlflow\npandas\nxgboost>=1.7\n";
constexpr const char* conda = R"(channels:
- conda-forge
dependencies:
- python=3.11
- pip
- pip:
  - mlflow
  - pandas
  - xgboost>=1.7
name: mlflow-env
)";
constexpr const char* python_env = R"(python: 3.11
build_dependencies:
- pip
- setuptools
- wheel
dependencies:
- -r requirements.txt
)";

}  // namespace

fs::path booster_file(const fs::path& folder) {
  return folder / booster_name;
}

void write_model_folder(const ModelFolder& model, const fs::path& folder) {
  const PythonJson rows = example(model);
  PythonJson serving = PythonJson::object();
  serving.set("dataframe_split", rows);
  write_text(folder / "requirements.txt", requirements);
  write_text(folder / "conda.yaml", conda);
  write_text(folder / "python_env.yaml", python_env);
  write_text(folder / "input_example.json", rows.dumps());
  write_text(folder / "serving_input_example.json", serving.dumps());
  write_text(folder / "MLmodel", mlmodel(model, bytes_below(folder)));
}

std::string model_history(const ModelFolder& model) {
  PythonJson python = PythonJson::object();
  python.set("loader_module", PythonJson::of("mlflow.xgboost"));
  python.set("python_version", PythonJson::of(python_version));
  python.set("data", PythonJson::of(booster_name));
  PythonJson xgboost = PythonJson::object();
  xgboost.set("xgb_version", PythonJson::of(model.xgboost_version));
  xgboost.set("data", PythonJson::of(booster_name));
  xgboost.set("model_class", PythonJson::of(booster_class));
  xgboost.set("model_format", PythonJson::of("ubj"));
  PythonJson flavors = PythonJson::object();
  flavors.set("python_function", python);
  flavors.set("xgboost", xgboost);
  PythonJson entry = PythonJson::object();
  entry.set("run_id", PythonJson::of(model.run_id));
  entry.set("artifact_path", PythonJson::of(model.artifact_path));
  entry.set("utc_time_created", PythonJson::of(created(model.now_ms)));
  entry.set("model_uuid", PythonJson::of(model.uuid));
  entry.set("flavors", flavors);
  return "[" + entry.dumps() + "]";
}

}  // namespace trainers::tabular
