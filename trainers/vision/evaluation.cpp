#include "trainers/vision/evaluation.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <new>
#include <numeric>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <sched.h>
#include <torch/cuda.h>
#include <torch/utils.h>
#include <torch/version.h>

#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "trainers/plots.h"
#include "trainers/vision/model_files.h"
#include "trainers/vision/training.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

std::string cache_directory() {
  const auto environment = sandbox::process_environment();
  if (const auto cache = environment("XDG_CACHE_HOME")) return *cache + "/mlops-sandbox/datasets";
  return environment("HOME").value_or(".") + "/.cache/mlops-sandbox/datasets";
}

bool is_about_memory(const std::string& what) {
  return what.find("out of memory") != std::string::npos ||
         what.find("can't allocate memory") != std::string::npos ||
         what.find("not enough memory") != std::string::npos;
}

[[noreturn]] void out_of_memory(const VisionSettings& settings) {
  throw Error(Code::resource_exhausted,
              "Out of memory with batch_size " + std::to_string(settings.batch_size) +
                  ". Try a smaller one: BATCH_SIZE=" +
                  std::to_string(std::max<std::int64_t>(settings.batch_size / 2, 2)) + ".");
}

}  // namespace

Dataset open_dataset(const VisionSettings& settings, TrainContext& context) {
  return open_dataset(settings, cache_directory(),
                      {[&](const std::string& line) { context.say(line); },
                       [&](const std::string& line) { context.show_progress(line); },
                       [&] { return context.is_stopping(); }});
}

c10::Device find_device(const std::string& wanted, TrainContext& context) {
  if ((wanted == "auto" || wanted == "cuda") && torch::cuda::is_available()) return at::kCUDA;
  if ((wanted == "auto" || wanted == "mps") && at::hasMPS()) return at::kMPS;
  if (wanted == "cuda" || wanted == "mps") {
    context.say("DEVICE is " + wanted +
                ", but this LibTorch (" TORCH_VERSION
                ") finds none: training on the processor instead.");
  }
  return at::kCPU;
}

int thread_count(const VisionSettings& settings) {
  if (settings.threads > 0) return static_cast<int>(settings.threads);
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

std::string number_text(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

Feeder::Feeder(const Images& images, const Dataset& set, c10::Device device, std::size_t batch)
    : images_(images),
      maker_(images, set.mean, set.deviation),
      device_(device),
      floats_(std::min(batch, images.count()) * images.image_bytes()) {}

Feeder::Batch Feeder::batch(std::span<const std::size_t> places, Chance* chance) {
  if (chance != nullptr) {
    maker_.augmented(places, *chance, floats_.data());
  } else {
    maker_.plain(places, floats_.data());
  }
  labels_.clear();
  for (const std::size_t place : places) labels_.push_back(images_.labels[place]);
  const auto count = static_cast<std::int64_t>(places.size());
  const auto height = static_cast<std::int64_t>(images_.height);
  const auto width = static_cast<std::int64_t>(images_.width);
  // Seen as (image, channel, row, column) without moving a number: Torch's channels_last.
  const at::Tensor images =
      at::from_blob(floats_.data(), {count, 3, height, width},
                    {height * width * 3, 1, width * 3, 3}, at::TensorOptions(at::kFloat));
  const at::Tensor labels = at::from_blob(labels_.data(), {count}, at::TensorOptions(at::kLong));
  return {images.to(device_), labels.to(device_)};
}

Tally::Tally(c10::Device device)
    : loss_(at::zeros({}, at::TensorOptions(at::kDouble).device(device))),
      right_(at::zeros({}, at::TensorOptions(at::kLong).device(device))) {}

void Tally::add(const at::Tensor& loss, const at::Tensor& outputs, const at::Tensor& labels) {
  const std::int64_t batch = labels.size(0);
  loss_ += loss.detach() * batch;
  right_ += (outputs.detach().argmax(1) == labels).sum();
  count_ += batch;
}

double Tally::mean_loss() const {
  return count_ == 0 ? 0 : loss_.item<double>() / static_cast<double>(count_);
}

double Tally::accuracy() const {
  if (count_ == 0) return 0;
  return static_cast<double>(right_.item<std::int64_t>()) / static_cast<double>(count_);
}

Tested test_network(Network& network,
                    const Images& images,
                    const Dataset& set,
                    std::span<const std::size_t> places,
                    c10::Device device,
                    const TrainContext& context) {
  const torch::NoGradGuard no_grad;
  network.eval();
  Feeder feeder(images, set, device, test_batch);
  Tally tally(device);
  Tested tested{0, Confusion(set.classes.size())};
  for (std::size_t begin = 0; begin < places.size() && !context.is_stopping();
       begin += test_batch) {
    const Feeder::Batch batch =
        feeder.batch(places.subspan(begin, std::min(test_batch, places.size() - begin)));
    const at::Tensor outputs = network.forward(batch.images);
    tally.add(at::cross_entropy_loss(outputs, batch.labels), outputs, batch.labels);
    const at::Tensor predicted = outputs.argmax(1).to(at::kCPU);
    const at::Tensor truths = batch.labels.to(at::kCPU);
    for (std::int64_t i = 0; i < truths.size(0); ++i) {
      tested.confusion.add(static_cast<std::size_t>(truths.data_ptr<std::int64_t>()[i]),
                           static_cast<std::size_t>(predicted.data_ptr<std::int64_t>()[i]));
    }
  }
  tested.loss = tally.mean_loss();
  return tested;
}

Tested test_network(Network& network,
                    const Dataset& set,
                    c10::Device device,
                    const TrainContext& context) {
  std::vector<std::size_t> places(set.test.count());
  std::iota(places.begin(), places.end(), std::size_t{0});
  return test_network(network, set.test, set, places, device, context);
}

void log_test(TrainContext& context,
              const VisionSettings& settings,
              const Dataset& set,
              const Tested& tested) {
  const Confusion& confusion = tested.confusion;
  context.log_metric("test_loss", tested.loss);
  context.log_metric("test_accuracy", confusion.accuracy());
  context.log_metric("test_f1", confusion.macro_f1());
  const fs::path plots = context.directory() / "plots";
  fs::create_directories(plots);
  const std::string title = settings.model_name + " on " + set.name;
  draw_confusion_matrix(confusion, set.classes, title, plots / "confusion_matrix.png");
  std::vector<Bar> bars;
  for (std::size_t one = 0; one < set.classes.size(); ++one) {
    bars.push_back({set.classes[one], confusion.accuracy_of(one),
                    "of " + std::to_string(confusion.count_of(one))});
  }
  draw_bars(bars, title, "Test accuracy of each class", confusion.accuracy(),
            plots / "per_class_accuracy.png");
  context.log_folder(plots, "plots");
  context.say("test_accuracy " + number_text("%.4f", confusion.accuracy()) + ", test_f1 " +
              number_text("%.4f", confusion.macro_f1()) + " on " +
              std::to_string(confusion.total()) + " test images");
}

void with_torch_errors(const VisionSettings& settings, const std::function<void()>& action) {
  try {
    action();
  } catch (const std::bad_alloc&) {
    out_of_memory(settings);
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (is_about_memory(what)) out_of_memory(settings);
    throw Error(Code::internal_error, "LibTorch: " + what.substr(0, what.find('\n')));
  }
}

void evaluate(TrainContext& context, const VisionSettings& settings) {
  with_torch_errors(settings, [&] {
    const c10::Device device = find_device(settings.device, context);
    const std::string name = settings.model_name + ".pth";
    const auto weights = context.fetch(name);
    if (!weights) {
      throw Error(Code::invalid_state, "Run " + context.run_id() + " has no " + name +
                                           ": its training did not end well.");
    }
    const Dataset set = open_dataset(settings, context);
    at::set_num_threads(thread_count(settings));
    const auto network =
        make_network(settings.model_name, static_cast<std::int64_t>(set.classes.size()));
    load_state(*network, read_tensors(*weights));
    network->to(device);
    const Tested tested = test_network(*network, set, device, context);
    if (!context.is_stopping()) log_test(context, settings, set, tested);
  });
}

}  // namespace trainers::vision
