// The folder that MLflow calls a model: what mlflow.xgboost.load_model or
// mlflow.pytorch.load_model, mlflow.pyfunc.load_model and model servers open.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainers/mlflow_model.h"
#include "trainers/tabular/table.h"

namespace trainers::tabular {

enum class Flavor { xgboost, pytorch };

struct ModelFolder : LoggedModel {
  Flavor flavor = Flavor::xgboost;
  Task task = Task::regression;
  std::string target;
  std::vector<std::string> columns;
  std::vector<std::string> classes;
  std::vector<double> example;  // some rows, one value for each column
  std::string library_version;  // XGBoost's or LibTorch's
};

// Where the booster, or the TorchScript file, belongs inside the folder; it has to be there first.
std::filesystem::path model_file(Flavor flavor, const std::filesystem::path& folder);

// Writes everything else. Throws Error when a file cannot be written.
void write_model_folder(const ModelFolder& model, const std::filesystem::path& folder);

// The value of the tag mlflow.log-model.history, by which MLflow's pages know the folder.
std::string model_history(const ModelFolder& model);

}  // namespace trainers::tabular
