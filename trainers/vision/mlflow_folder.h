// The folder that MLflow calls a model: what mlflow.pytorch.load_model, mlflow.pyfunc.load_model
// and model servers open. No Torch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainers/mlflow_model.h"
#include "trainers/vision/images.h"

namespace trainers::vision {

struct ModelFolder : LoggedModel {
  std::string model_name;
  std::vector<std::string> classes;
  std::size_t height = 0;
  std::size_t width = 0;
  PerChannel mean{};  // what images are normalised with before they come in
  PerChannel deviation{};
  std::vector<float> example;  // one normalised image: channel, row, column
  std::string torch_version;
};

// Where the TorchScript file belongs inside the folder; it has to be there first.
std::filesystem::path script_file(const std::filesystem::path& folder);

// Writes everything else. Throws Error when a file cannot be written.
void write_model_folder(const ModelFolder& model, const std::filesystem::path& folder);

// The value of the tag mlflow.log-model.history, by which MLflow's pages know the folder.
std::string model_history(const ModelFolder& model);

}  // namespace trainers::vision
