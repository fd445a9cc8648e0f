// What the vision trainer can be told. The first seven are the lab's .env names; the others are
// this trainer's own.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <tuple>

#include "trainers/parameters.h"

namespace trainers::vision {

inline constexpr std::array<std::string_view, 4> model_names{
    "mobilenet_v3_small", "mobilenet_v3_large", "resnet18", "resnet50"};
inline constexpr std::array<std::string_view, 5> dataset_names{
    "CIFAR10", "CIFAR100", "FashionMNIST", "synthetic", "folder:"};
inline constexpr std::array<std::string_view, 4> device_names{"auto", "cpu", "cuda", "mps"};
inline constexpr std::array<std::string_view, 3> precision_names{"auto", "float32", "bf16"};
inline constexpr std::array<std::string_view, 3> optimizer_names{"sgd", "adam", "adamw"};
inline constexpr std::array<std::string_view, 3> schedule_names{"none", "cosine", "step"};

struct VisionSettings {
  std::string model_name = "mobilenet_v3_small";
  std::int64_t batch_size = 64;
  double learning_rate = 0.001;
  std::int64_t epochs = 20;
  std::string dataset = "CIFAR10";
  bool use_augmentation = true;
  std::string device = "auto";

  std::string data_path;
  std::string data_url;
  std::string data_digest;
  std::int64_t train_images = 0;
  std::int64_t test_images = 0;
  std::int64_t image_size = 0;
  double val_fraction = 0.1;
  std::string optimizer = "adam";
  double momentum = 0.9;
  double weight_decay = 0.0;
  std::string schedule = "none";
  std::int64_t step_epochs = 10;
  double step_factor = 0.1;
  std::int64_t patience = 0;
  std::int64_t pause_after = 0;
  std::string precision = "auto";
  double prune = 0.0;
  std::int64_t prune_epochs = 0;
  bool quantize = false;
  std::string weights;
  bool freeze = false;
  std::int64_t seed = 42;
  std::int64_t threads = 0;
  std::int64_t log_every = 50;

  static constexpr auto parameters() {
    using Own = VisionSettings;
    return std::tuple{
        one_of("model_name", &Own::model_name, model_names, "The network"),
        number("batch_size", &Own::batch_size, {2, 65'536}, "Images in one step"),
        number("learning_rate", &Own::learning_rate, {0, 100, true}, "Size of the first steps"),
        number("epochs", &Own::epochs, {1, 100'000}, "How often all images are seen"),
        one_of("dataset", &Own::dataset, dataset_names,
               "The images; folder:PATH, or folder:s3://bucket/prefix, reads "
               "PATH/[train|test/]CLASS/*.png|jpg, synthetic makes some up"),
        flag("use_augmentation", &Own::use_augmentation,
             "Crop and flip the training images at random"),
        one_of("device", &Own::device, device_names,
               "Where to compute; the processor where it is not there"),
        text("data_path", &Own::data_path,
             "The dataset's archive, or the directory it lies in or is downloaded to, here or on "
             "s3://; else ~/.cache/mlops-sandbox/datasets"),
        text("data_url", &Own::data_url,
             "Download from this directory of a mirror instead of the official address"),
        text("data_digest", &Own::data_digest,
             "MD5 of what is downloaded, comma-separated for several files; else the official "
             "one's"),
        number("train_images", &Own::train_images, {0, 1e9},
               "Use only so many of the training images, 0 all"),
        number("test_images", &Own::test_images, {0, 1e9},
               "Use only so many of the test images, 0 all"),
        number("image_size", &Own::image_size, {0, 1024},
               "Edge in pixels that images of a folder are brought to; 0 takes the first one's"),
        number("val_fraction", &Own::val_fraction, {0, 0.9, true},
               "Part of the training images that is kept for validation"),
        one_of("optimizer", &Own::optimizer, optimizer_names, "How steps are made of gradients"),
        number("momentum", &Own::momentum, {0, 0.9999}, "Of sgd"),
        number("weight_decay", &Own::weight_decay, {0, 1}, "Pull of the weights towards zero"),
        one_of("schedule", &Own::schedule, schedule_names, "How the learning rate falls"),
        number("step_epochs", &Own::step_epochs, {1, 100'000},
               "Of the step schedule: epochs between two falls"),
        number("step_factor", &Own::step_factor, {0, 1, true},
               "Of the step schedule: what the rate is multiplied with"),
        number("patience", &Own::patience, {0, 100'000},
               "Stop after so many epochs without a better val_accuracy; 0 never"),
        number("pause_after", &Own::pause_after, {0, 100'000},
               "End well after this epoch though --epochs says more, for --resume to go on; 0 "
               "never"),
        one_of("precision", &Own::precision, precision_names,
               "What convolutions and linear layers compute in; auto is bf16 on a GPU that has it. "
               "On a "
               "processor bf16 is slower"),
        number(
            "prune", &Own::prune, {0, 0.99},
            "Make a second model in which this part of each layer's weights, the nearest to zero, "
            "is zero; 0 none"),
        number("prune_epochs", &Own::prune_epochs, {0, 100'000},
               "Train the pruned model so many epochs more, at a tenth of the learning rate"),
        flag("quantize", &Own::quantize,
             "Make a second model, of the pruned one if there is one, with weights of 8 bits"),
        text("weights", &Own::weights,
             "A .pth state_dict to begin with; a last layer of another size is begun anew"),
        flag("freeze", &Own::freeze, "Train only the last layers"),
        number("seed", &Own::seed, {0, 9e14}, "Of everything that is left to chance"),
        number(
            "threads", &Own::threads, {0, 1024},
            "Processor threads, 0 for one a core; one and the same number gives the same result"),
        number("log_every", &Own::log_every, {1, 1e9}, "Batches between two batch metrics"),
    };
  }
};

}  // namespace trainers::vision
