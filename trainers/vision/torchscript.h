// Networks as TorchScript: `torch.jit.load` opens it, and so does mlflow.pytorch.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "trainers/vision/models.h"

namespace trainers::vision {

// What a script is made from.
struct ScriptSource {
  const Network& network;
  std::string model_name;
  std::int64_t classes = 0;
  std::int64_t height = 0;  // of the images it is recorded with; it takes others, too
  std::int64_t width = 0;
};

// The network as it stands. It is set to evaluate and stays on the processor. Throws Error when the
// file cannot be written.
void write_torchscript(const ScriptSource& source, const std::filesystem::path& file);

// Finds what packs weights of 8 bits here and computes with them. Throws Error when this LibTorch
// has no engine for it.
void choose_quantized_engine();

// The same with weights of 8 bits, each output's with a scale of its own. Linear layers are
// computed in 8 bits too, as torch.quantization.quantize_dynamic makes them (the input's range is
// found at every use); the weights of convolutions become floats where they are used. Throws what
// choose_quantized_engine() throws, too.
void write_quantized_torchscript(const ScriptSource& source, const std::filesystem::path& file);

// A script as a network that computes, and nothing else: it has no parameters to train.
std::shared_ptr<Network> read_torchscript(const std::filesystem::path& file);

}  // namespace trainers::vision
