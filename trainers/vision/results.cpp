#include "trainers/vision/results.h"

#include <array>
#include <filesystem>
#include <vector>

#include <ATen/ATen.h>
#include <torch/version.h>

#include "sandbox/base/env.h"
#include "trainers/vision/careful_file.h"
#include "trainers/vision/evaluation.h"
#include "trainers/vision/mlflow_folder.h"
#include "trainers/vision/model_files.h"
#include "trainers/vision/torchscript.h"

namespace trainers::vision {

namespace fs = std::filesystem;

namespace {

constexpr const char* model_folder = "model";
constexpr const char* pruned_folder = "pruned_model";
constexpr const char* quantized_folder = "quantized_model";

// Channel, row, column.
std::vector<float> first_test_image(const Dataset& set) {
  const std::size_t pixels = set.test.width * set.test.height;
  std::vector<float> lying(pixels * channels);
  const std::array<std::size_t, 1> first{0};
  BatchMaker(set.test, set.mean, set.deviation).plain(first, lying.data());
  std::vector<float> standing;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
      standing.push_back(lying[pixel * channels + channel]);
    }
  }
  return standing;
}

ScriptSource source_of(const VisionSettings& settings, const Dataset& set, const Network& network) {
  return {network, settings.model_name, static_cast<std::int64_t>(set.classes.size()),
          static_cast<std::int64_t>(set.test.height), static_cast<std::int64_t>(set.test.width)};
}

// The folder around a script that is there already.
ModelFolder log_folder(TrainContext& context,
                       const VisionSettings& settings,
                       const Dataset& set,
                       const std::string& name) {
  sandbox::SystemEnv env;
  ModelFolder model;
  model.model_name = settings.model_name;
  model.run_id = context.run_id();
  model.artifact_path = name;
  model.uuid = env.new_id();
  model.now_ms = env.now_ms();
  model.classes = set.classes;
  model.height = set.test.height;
  model.width = set.test.width;
  model.mean = set.mean;
  model.deviation = set.deviation;
  model.example = first_test_image(set);
  model.torch_version = TORCH_VERSION;
  const fs::path folder = context.directory() / name;
  write_model_folder(model, folder);
  context.log_folder(folder, name);
  return model;
}

fs::path script_of(const TrainContext& context, const std::string& folder) {
  return script_file(context.directory() / folder);
}

double size_of(const fs::path& file) {
  return static_cast<double>(fs::file_size(file));
}

std::string percent(double share) {
  return number_text("%.1f %%", share * 100);
}

std::string megabytes(double bytes) {
  return number_text("%.2f MB", bytes / 1e6);
}

}  // namespace

void log_model(TrainContext& context,
               const VisionSettings& settings,
               const Dataset& set,
               const Network& network) {
  const fs::path weights = context.directory() / (settings.model_name + ".pth");
  write_tensors(state_of(network), weights);
  context.log_file(weights);
  const fs::path script = script_of(context, model_folder);
  write_torchscript(source_of(settings, set, network), script);
  const ModelFolder model = log_folder(context, settings, set, model_folder);
  context.log_metric("model_size_bytes", size_of(script));
  context.set_tag("mlflow.log-model.history", model_history(model));
  context.set_model(model_folder);
}

void log_pruned(TrainContext& context,
                const VisionSettings& settings,
                const Dataset& set,
                Network& network,
                const Pruning& pruning) {
  const c10::Device device = network.parameters().front().device();
  const Tested tested = test_network(network, set, device, context);
  if (context.is_stopping()) return;
  const std::string name = settings.model_name + ".pth";
  const fs::path folder = context.directory() / "pruned";
  write_tensors(state_of(network), folder / name);
  // Zeros take as much room as other numbers until a file is compressed.
  const fs::path compressed = folder / (name + ".gz");
  write_compressed(folder / name, compressed);
  context.log_file(compressed, "pruned");
  const fs::path before = folder / "before.gz";
  write_compressed(context.directory() / name, before);
  context.log_metric("compressed_size_bytes", size_of(before));
  context.log_metric("pruned_compressed_size_bytes", size_of(compressed));
  context.log_metric("sparsity", pruning.sparsity());
  context.log_metric("pruned_test_accuracy", tested.confusion.accuracy());
  context.say(
      "pruned: " + percent(pruning.sparsity()) + " of the weights are zero, test_accuracy " +
      number_text("%.4f", tested.confusion.accuracy()) + ", " + megabytes(size_of(compressed)) +
      " compressed instead of " + megabytes(size_of(before)));
  fs::remove(before);
  write_torchscript(source_of(settings, set, network), script_of(context, pruned_folder));
  log_folder(context, settings, set, pruned_folder);
}

void log_quantized(TrainContext& context,
                   const VisionSettings& settings,
                   const Dataset& set,
                   const Network& network) {
  const fs::path script = script_of(context, quantized_folder);
  write_quantized_torchscript(source_of(settings, set, network), script);
  const Tested tested = test_network(*read_torchscript(script), set, at::kCPU, context);
  if (context.is_stopping()) return;
  log_folder(context, settings, set, quantized_folder);
  context.log_metric("quantized_model_size_bytes", size_of(script));
  context.log_metric("quantized_test_accuracy", tested.confusion.accuracy());
  context.say("quantized: test_accuracy " + number_text("%.4f", tested.confusion.accuracy()) +
              ", " + megabytes(size_of(script)) + " instead of " +
              megabytes(size_of(script_of(context, model_folder))));
}

}  // namespace trainers::vision
