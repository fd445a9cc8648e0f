#include "trainers/vision/mlflow_folder.h"

#include "sandbox/base/fields_json.h"
#include "sandbox/base/python_json.h"
#include "trainers/text_file.h"

namespace trainers::vision {

namespace fs = std::filesystem;
using sandbox::PythonJson;

namespace {

constexpr const char* pickle_module = "mlflow.pytorch.pickle_module";

std::string tensor_spec(const std::string& sizes) {
  return R"('[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, )" + sizes +
         R"(]}}]')";
}

std::string mlmodel(const ModelFolder& model, std::int64_t bytes) {
  const std::string sizes =
      "3, " + std::to_string(model.height) + ", " + std::to_string(model.width);
  std::string text = "artifact_path: " + yaml_quoted(model.artifact_path) + R"(
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
                     yaml_quoted(model.torch_version) +
                     "\nmetadata:\n  network: " + yaml_quoted(model.model_name) + "\n  classes:\n";
  for (const std::string& name : model.classes) text += "  - " + yaml_quoted(name) + "\n";
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
          "\nmodel_size_bytes: " + std::to_string(bytes) +
          "\nmodel_uuid: " + yaml_quoted(model.uuid) + "\nrun_id: " + yaml_quoted(model.run_id) +
          R"(
saved_input_example_info:
  artifact_path: input_example.json
  serving_input_path: serving_input_example.json
  type: ndarray
signature:
  inputs: )" +
          tensor_spec(sizes) + "\n  outputs: " + tensor_spec(std::to_string(model.classes.size())) +
          "\n  params: null\nutc_time_created: '" + created_text(model.now_ms) + "'\n";
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

}  // namespace

fs::path script_file(const fs::path& folder) {
  return folder / "data" / "model.pth";
}

void write_model_folder(const ModelFolder& model, const fs::path& folder) {
  const std::string example = example_json(model);
  write_text(folder / "data" / "pickle_module_info.txt", pickle_module);
  write_environment(folder, {"torch>=1.13", "numpy"});
  write_text(folder / "input_example.json", example);
  write_text(folder / "serving_input_example.json", "{\"inputs\": " + example + "}");
  write_text(folder / "MLmodel", mlmodel(model, bytes_below(folder)));
}

std::string model_history(const ModelFolder& model) {
  PythonJson pytorch = PythonJson::object();
  pytorch.set("model_data", PythonJson::of("data"));
  pytorch.set("pytorch_version", PythonJson::of(model.torch_version));
  return trainers::model_history(model, "data", "pytorch", pytorch);
}

}  // namespace trainers::vision
