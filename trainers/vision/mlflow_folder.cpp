#include "trainers/vision/mlflow_folder.h"

#include <fstream>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/python_json.h"
#include "sandbox/base/time.h"

namespace trainers::vision {

namespace fs = std::filesystem;
using sandbox::PythonJson;

namespace {

constexpr const char* mlflow_version = "3.17.2";
constexpr const char* python_version = "3.11.2";
constexpr const char* pickle_module = "mlflow.pytorch.pickle_module";

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    throw sandbox::Error(sandbox::Code::resource_exhausted,
                         file.string() + " cannot be written. Is the disk full?");
  }
}

std::int64_t bytes_below(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return static_cast<std::int64_t>(bytes);
}

// A text as YAML takes it anywhere: in double quotes, with JSON's escapes.
std::string quoted(const std::string& text) {
  return sandbox::python_quoted(text, false);
}

std::string tensor_spec(const std::string& sizes) {
  return R"('[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, )" + sizes +
         R"(]}}]')";
}

// "2026-11-27 23:42:49.656725", without a zone, as MLflow writes it.
std::string created(std::int64_t ms) {
  std::string text = sandbox::iso8601_ms(ms).substr(0, 23);
  text[10] = ' ';
  return text;
}

std::string mlmodel(const ModelFolder& model, std::int64_t bytes) {
  const std::string sizes =
      "3, " + std::to_string(model.height) + ", " + std::to_string(model.width);
  std::string text = "artifact_path: " + quoted(model.artifact_path) + R"(
flavors:
  python_function:
    config:
      device: null
    data: data
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.pytorch
    pickle_module_name: )" +
                     pickle_module + "\n    python_version: " + python_version + R"(
  pytorch:
    code: null
    model_data: data
    pytorch_version: )" +
                     quoted(model.torch_version) +
                     "\nmetadata:\n  network: " + quoted(model.model_name) + "\n  classes:\n";
  for (const std::string& name : model.classes) text += "  - " + quoted(name) + "\n";
  const auto floats = [](const PerChannel& values) {
    std::string list;
    for (const float value : values) {
      list += (list.empty() ? "" : ", ") + sandbox::python_real(static_cast<double>(value));
    }
    return "[" + list + "]\n";
  };
  text += "  normalisation_mean: " + floats(model.mean);
  text += "  normalisation_deviation: " + floats(model.deviation);
  text += std::string("mlflow_version: ") + mlflow_version +
          "\nmodel_size_bytes: " + std::to_string(bytes) + "\nmodel_uuid: " + quoted(model.uuid) +
          "\nrun_id: " + quoted(model.run_id) + R"(
saved_input_example_info:
  artifact_path: input_example.json
  serving_input_path: serving_input_example.json
  type: ndarray
signature:
  inputs: )" +
          tensor_spec(sizes) + "\n  outputs: " + tensor_spec(std::to_string(model.classes.size())) +
          "\n  params: null\nutc_time_created: '" + created(model.now_ms) + "'\n";
  return text;
}

// One image in nested lists, as json.dumps writes a numpy array of one.
std::string example_json(const ModelFolder& model) {
  std::string text = "[[";
  std::size_t at = 0;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    text += channel == 0 ? "[" : ", [";
    for (std::size_t row = 0; row < model.height; ++row) {
      text += row == 0 ? "[" : ", [";
      for (std::size_t column = 0; column < model.width; ++column) {
        if (column > 0) text += ", ";
        text += sandbox::python_real(static_cast<double>(model.example[at++]));
      }
      text += "]";
    }
    text += "]";
  }
  return text + "]]";
}

constexpr const char* requirements = "mlflow\ntorch>=1.13\nnumpy\n";
constexpr const char* conda = R"(channels:
- conda-forge
dependencies:
- python=3.11
- pip
- pip:
  - mlflow
  - torch>=1.13
  - numpy
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

fs::path script_file(const fs::path& folder) {
  return folder / "data" / "model.pth";
}

void write_model_folder(const ModelFolder& model, const fs::path& folder) {
  const std::string example = example_json(model);
  write(folder / "data" / "pickle_module_info.txt", pickle_module);
  write(folder / "requirements.txt", requirements);
  write(folder / "conda.yaml", conda);
  write(folder / "python_env.yaml", python_env);
  write(folder / "input_example.json", example);
  write(folder / "serving_input_example.json", "{\"inputs\": " + example + "}");
  write(folder / "MLmodel", mlmodel(model, bytes_below(folder)));
}

std::string model_history(const ModelFolder& model) {
  PythonJson entry = PythonJson::object();
  entry.set("run_id", PythonJson::of(model.run_id));
  entry.set("artifact_path", PythonJson::of(model.artifact_path));
  entry.set("utc_time_created", PythonJson::of(created(model.now_ms)));
  entry.set("model_uuid", PythonJson::of(model.uuid));
  PythonJson python = PythonJson::object();
  python.set("loader_module", PythonJson::of("mlflow.pytorch"));
  python.set("python_version", PythonJson::of(python_version));
  python.set("data", PythonJson::of("data"));
  PythonJson pytorch = PythonJson::object();
  pytorch.set("model_data", PythonJson::of("data"));
  pytorch.set("pytorch_version", PythonJson::of(model.torch_version));
  PythonJson flavors = PythonJson::object();
  flavors.set("python_function", python);
  flavors.set("pytorch", pytorch);
  entry.set("flavors", flavors);
  return "[" + entry.dumps() + "]";
}

}  // namespace trainers::vision
