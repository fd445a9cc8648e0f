#include "trainers/linear/model.h"

#include <cmath>
#include <sstream>

#include <ATen/ATen.h>
#include <torch/csrc/api/include/torch/version.h>
#include <torch/csrc/jit/serialization/import.h>

#include "sandbox/base/error.h"
#include "trainers/text_file.h"

namespace trainers::linear {

namespace fs = std::filesystem;
namespace jit = torch::jit;

namespace {

at::Tensor row_of(const std::vector<double>& values) {
  return at::tensor(at::ArrayRef<double>(values), at::TensorOptions(at::kDouble));
}

at::Tensor tensor_of(std::span<const float> values, std::size_t columns) {
  const auto width = static_cast<std::int64_t>(columns);
  at::Tensor rows = at::empty({static_cast<std::int64_t>(values.size()) / width, width},
                              at::TensorOptions(at::kFloat));
  std::copy(values.begin(), values.end(), rows.data_ptr<float>());
  return rows;
}

std::string layer_name(const Model& model, std::size_t at) {
  return at + 1 == model.layers.size() ? "output" : "hidden_" + std::to_string(at + 1);
}

// What to_script's module computes; apply_layers() is the same in C++, for training.
std::string forward_source(const Model& model) {
  std::string source = R"(
def forward(self, rows):
    x = rows.double()
    x = torch.where(torch.isnan(x), self.scaling.fill.expand_as(x), x)
    x = (x - self.scaling.center) / self.scaling.scale
)";
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const std::string name = layer_name(model, i);
    source += "    x = torch.linear(x, self." + name + ".weight, self." + name + ".bias)\n";
    if (i + 1 < model.layers.size()) source += "    x = torch." + model.activation + "(x)\n";
  }
  if (model.classes > 2) {
    source += "    x = torch.softmax(x, 1)\n";
  } else if (model.classes == 2) {
    source += "    x = torch.sigmoid(x)\n";
  } else {
    source += "    x = x * self.target.scale + self.target.center\n";
  }
  return source + "    return x.float()\n";
}

}  // namespace

Layer begin_layer(std::int64_t inputs, std::int64_t outputs) {
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  const at::TensorOptions doubles(at::kDouble);
  return {at::empty({outputs, inputs}, doubles).uniform_(-bound, bound),
          at::empty({outputs}, doubles).uniform_(-bound, bound)};
}

at::Tensor scaled(const Model& model, std::span<const float> values) {
  const at::Tensor rows = tensor_of(values, model.scaling.fill.size()).to(at::kDouble);
  const at::Tensor filled = at::where(at::isnan(rows), row_of(model.scaling.fill), rows);
  return (filled - row_of(model.scaling.center)) / row_of(model.scaling.scale);
}

at::Tensor apply_layers(const Model& model, const at::Tensor& rows, double dropout) {
  at::Tensor x = rows;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    x = at::linear(x, model.layers[i].weight, model.layers[i].bias);
    if (i + 1 == model.layers.size()) break;
    x = model.activation == "tanh"   ? at::tanh(x)
        : model.activation == "gelu" ? at::gelu(x)
                                     : at::relu(x);
    if (dropout > 0) x = at::dropout(x, dropout, true);
  }
  return x;
}

std::vector<Layer> copy_layers(const std::vector<Layer>& layers) {
  std::vector<Layer> copies;
  for (const Layer& layer : layers) {
    copies.push_back({layer.weight.detach().clone(), layer.bias.detach().clone()});
  }
  return copies;
}

std::map<std::string, at::Tensor> state_of(const Model& model) {
  std::map<std::string, at::Tensor> state{{"scaling.fill", row_of(model.scaling.fill)},
                                          {"scaling.center", row_of(model.scaling.center)},
                                          {"scaling.scale", row_of(model.scaling.scale)}};
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    state[layer_name(model, i) + ".weight"] = model.layers[i].weight.detach();
    state[layer_name(model, i) + ".bias"] = model.layers[i].bias.detach();
  }
  if (model.classes == 0) {
    state["target.center"] = row_of({model.target_center});
    state["target.scale"] = row_of({model.target_scale});
  }
  return state;
}

jit::Module to_script(const Model& model) {
  const auto unit = std::make_shared<jit::CompilationUnit>();
  // The modules of the names before the dots, each with its tensors.
  std::map<std::string, std::map<std::string, at::Tensor>> parts;
  for (const auto& [name, tensor] : state_of(model)) {
    const std::size_t dot = name.find('.');
    parts[name.substr(0, dot)][name.substr(dot + 1)] = tensor;
  }
  jit::Module script(c10::QualifiedName("__torch__.Model"), unit);
  for (const auto& [name, tensors] : parts) {
    jit::Module part(c10::QualifiedName("__torch__." + name), unit);
    const bool is_learnt = tensors.contains("weight");
    for (const auto& [own, tensor] : tensors) {
      if (is_learnt) {
        part.register_parameter(own, tensor, false);
      } else {
        part.register_buffer(own, tensor);
      }
    }
    script.register_module(name, part);
  }
  script.define(forward_source(model));
  script.eval();
  return script;
}

std::vector<float> predict(jit::Module& script,
                           std::span<const float> values,
                           std::size_t columns) {
  const at::NoGradGuard no_grad;
  const at::Tensor said = script.forward({tensor_of(values, columns)}).toTensor().contiguous();
  return {said.data_ptr<float>(), said.data_ptr<float>() + said.numel()};
}

// Through memory: Torch's own writing to a file ends the process when the disk is full.
void save_script(const jit::Module& script, const fs::path& file) {
  std::ostringstream bytes;
  script.save(bytes);
  fs::create_directories(file.parent_path());
  write_text(file, bytes.str());
}

jit::Module load_script(const fs::path& file) {
  try {
    return jit::load(file.string());
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    throw sandbox::Error(
        sandbox::Code::invalid_state,
        file.string() + " cannot be read as TorchScript: " + what.substr(0, what.find('\n')));
  }
}

std::string torch_version() {
  return TORCH_VERSION;
}

}  // namespace trainers::linear
