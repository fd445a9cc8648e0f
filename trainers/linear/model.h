// The models of the family: scaled columns, layers, and a link at the end. They compute in doubles
// from the floats they are given.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include "trainers/linear/scaling.h"

namespace trainers::linear {

struct Layer {
  at::Tensor weight;  // (outputs, inputs), as torch.nn.Linear has it
  at::Tensor bias;
};

// A layer as torch.nn.Linear begins, from Torch's own chance.
Layer begin_layer(std::int64_t inputs, std::int64_t outputs);

struct Model {
  Scaling scaling;
  std::vector<Layer> layers;  // the last one is the output
  std::string activation;     // between them: relu, tanh or gelu
  std::size_t classes = 0;    // 0 of a regression
  double target_center = 0;   // of a regression: what comes out is multiplied and added to
  double target_scale = 1;

  // Of two classes one, as of a regression.
  [[nodiscard]] std::int64_t outputs() const {
    return classes > 2 ? static_cast<std::int64_t>(classes) : 1;
  }
};

// The rows as doubles, filled and scaled.
at::Tensor scaled(const Model& model, std::span<const float> values);
// What the layers make of scaled rows, before the link. Above 0, `dropout` leaves out by chance.
at::Tensor apply_layers(const Model& model, const at::Tensor& rows, double dropout = 0);
// The model's copy of the weights in another place of memory.
std::vector<Layer> copy_layers(const std::vector<Layer>& layers);

// The whole model as TorchScript: rows of floats as they stand in the table, to one number each or
// to a probability for each class.
torch::jit::Module to_script(const Model& model);
// One value a row, or one a class and row.
std::vector<float> predict(torch::jit::Module& script,
                           std::span<const float> values,
                           std::size_t columns);

// `torch.jit.load` opens it. Throws Error when it cannot be written.
void save_script(const torch::jit::Module& script, const std::filesystem::path& file);
torch::jit::Module load_script(const std::filesystem::path& file);
// By name, for a state_dict.
std::map<std::string, at::Tensor> state_of(const Model& model);
std::string torch_version();

}  // namespace trainers::linear
