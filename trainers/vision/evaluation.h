// What training and testing share: images on their way to a network, and how good its answers are.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "trainers/scores.h"
#include "trainers/train_context.h"
#include "trainers/vision/datasets.h"
#include "trainers/vision/images.h"
#include "trainers/vision/models.h"

namespace trainers::vision {

inline constexpr std::size_t test_batch = 256;

// The set that the settings name, with its reading shown to the person.
Dataset open_dataset(const VisionSettings& settings, TrainContext& context);
// The device that was asked for, or the processor with a word about why.
c10::Device find_device(const std::string& wanted, TrainContext& context);
// Of the settings, or one for each core this process may use.
int thread_count(const VisionSettings& settings);
// printf of one number.
std::string number_text(const char* format, double value);

// Images on their way to the network, in one block of floats that is used again and again.
class Feeder {
 public:
  // Both have to outlive it.
  Feeder(const Images& images, const Dataset& set, c10::Device device, std::size_t batch);

  struct Batch {
    at::Tensor images;  // until the next one is asked for
    at::Tensor labels;
  };
  // With `chance` the images are augmented.
  Batch batch(std::span<const std::size_t> places, Chance* chance = nullptr);

 private:
  const Images& images_;
  BatchMaker maker_;
  c10::Device device_;
  std::vector<float> floats_;
  std::vector<std::int64_t> labels_;
};

// Sums over batches that stay on the device until somebody asks.
class Tally {
 public:
  explicit Tally(c10::Device device);
  void add(const at::Tensor& loss, const at::Tensor& outputs, const at::Tensor& labels);
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] double mean_loss() const;
  [[nodiscard]] double accuracy() const;

 private:
  at::Tensor loss_;
  at::Tensor right_;
  std::int64_t count_ = 0;
};

struct Tested {
  double loss = 0;
  Confusion confusion;
};
// Shows those images to the network without learning from them. Ends early when the context is
// stopping.
Tested test_network(Network& network,
                    const Images& images,
                    const Dataset& set,
                    std::span<const std::size_t> places,
                    c10::Device device,
                    const TrainContext& context);
// The same with all test images of the set.
Tested test_network(Network& network,
                    const Dataset& set,
                    c10::Device device,
                    const TrainContext& context);

// test_loss, test_accuracy, test_f1 and the pictures.
void log_test(TrainContext& context,
              const VisionSettings& settings,
              const Dataset& set,
              const Tested& tested);

// Turns what Torch throws into an Error for the person; where memory was missing, with a hint.
void with_torch_errors(const VisionSettings& settings, const std::function<void()>& action);

}  // namespace trainers::vision
