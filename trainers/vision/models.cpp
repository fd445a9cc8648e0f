#include "trainers/vision/models.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

namespace trainers::vision {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

enum class Activation { none, relu, hardswish };

Tensor activate(const Tensor& values, Activation activation) {
  if (activation == Activation::relu) return values.relu_();
  if (activation == Activation::hardswish) return torch::hardswish(values);
  return values;
}

class Layer : public nn::Module {
 public:
  virtual Tensor forward(const Tensor& input) = 0;
};

// Layers one after the other, named by their numbers.
class Chain : public Layer {
 public:
  void add(const std::shared_ptr<Layer>& layer) {
    layers_.push_back(register_module(std::to_string(layers_.size()), layer));
  }
  Tensor forward(const Tensor& input) override {
    Tensor output = input;
    for (const auto& layer : layers_) output = layer->forward(output);
    return output;
  }

 private:
  std::vector<std::shared_ptr<Layer>> layers_;
};

nn::Conv2d convolution(std::int64_t in,
                       std::int64_t out,
                       std::int64_t kernel,
                       std::int64_t stride = 1,
                       std::int64_t groups = 1,
                       bool bias = false) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel)
                        .stride(stride)
                        .padding((kernel - 1) / 2)
                        .groups(groups)
                        .bias(bias));
}

// torchvision's Conv2dNormActivation.
struct ConvolutionSizes {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t groups = 1;
};
class ConvNorm : public Layer {
 public:
  ConvNorm(const ConvolutionSizes& sizes, Activation activation)
      : conv_(register_module(
            "0", convolution(sizes.in, sizes.out, sizes.kernel, sizes.stride, sizes.groups))),
        norm_(register_module(
            "1", nn::BatchNorm2d(nn::BatchNorm2dOptions(sizes.out).eps(0.001).momentum(0.01)))),
        activation_(activation) {}
  Tensor forward(const Tensor& input) override {
    return activate(norm_(conv_(input)), activation_);
  }

 private:
  nn::Conv2d conv_;
  nn::BatchNorm2d norm_;
  Activation activation_;
};

// The nearest multiple of 8 that is not more than a tenth below.
std::int64_t divisible_by_8(std::int64_t channels) {
  const std::int64_t rounded = std::max<std::int64_t>(8, (channels + 4) / 8 * 8);
  return rounded * 10 < channels * 9 ? rounded + 8 : rounded;
}

class SqueezeExcitation : public Layer {
 public:
  explicit SqueezeExcitation(std::int64_t channels) {
    const std::int64_t squeezed = divisible_by_8(channels / 4);
    fc1_ = register_module("fc1", convolution(channels, squeezed, 1, 1, 1, true));
    fc2_ = register_module("fc2", convolution(squeezed, channels, 1, 1, 1, true));
  }
  Tensor forward(const Tensor& input) override {
    Tensor scale = torch::adaptive_avg_pool2d(input, {1, 1});
    scale = fc1_(scale).relu_();
    return torch::hardsigmoid(fc2_(scale)) * input;
  }

 private:
  nn::Conv2d fc1_{nullptr};
  nn::Conv2d fc2_{nullptr};
};

// A row of the tables 1 and 2 of the MobileNetV3 paper.
struct Bottleneck3 {
  std::int64_t in;
  std::int64_t kernel;
  std::int64_t expanded;
  std::int64_t out;
  bool squeezes;
  Activation activation;
  std::int64_t stride;
};

class InvertedResidual : public Layer {
 public:
  explicit InvertedResidual(const Bottleneck3& row)
      : adds_input_(row.stride == 1 && row.in == row.out) {
    block_ = register_module("block", std::make_shared<Chain>());
    if (row.expanded != row.in) {
      block_->add(
          std::make_shared<ConvNorm>(ConvolutionSizes{row.in, row.expanded}, row.activation));
    }
    block_->add(std::make_shared<ConvNorm>(
        ConvolutionSizes{row.expanded, row.expanded, row.kernel, row.stride, row.expanded},
        row.activation));
    if (row.squeezes) block_->add(std::make_shared<SqueezeExcitation>(row.expanded));
    block_->add(
        std::make_shared<ConvNorm>(ConvolutionSizes{row.expanded, row.out}, Activation::none));
  }
  Tensor forward(const Tensor& input) override {
    Tensor output = block_->forward(input);
    return adds_input_ ? output.add_(input) : output;
  }

 private:
  bool adds_input_;
  std::shared_ptr<Chain> block_;
};

constexpr Activation re = Activation::relu;
constexpr Activation hs = Activation::hardswish;
// clang-format off
constexpr std::array large_rows{
    Bottleneck3{16, 3, 16, 16, false, re, 1},
    Bottleneck3{16, 3, 64, 24, false, re, 2},
    Bottleneck3{24, 3, 72, 24, false, re, 1},
    Bottleneck3{24, 5, 72, 40, true, re, 2},
    Bottleneck3{40, 5, 120, 40, true, re, 1},
    Bottleneck3{40, 5, 120, 40, true, re, 1},
    Bottleneck3{40, 3, 240, 80, false, hs, 2},
    Bottleneck3{80, 3, 200, 80, false, hs, 1},
    Bottleneck3{80, 3, 184, 80, false, hs, 1},
    Bottleneck3{80, 3, 184, 80, false, hs, 1},
    Bottleneck3{80, 3, 480, 112, true, hs, 1},
    Bottleneck3{112, 3, 672, 112, true, hs, 1},
    Bottleneck3{112, 5, 672, 160, true, hs, 2},
    Bottleneck3{160, 5, 960, 160, true, hs, 1},
    Bottleneck3{160, 5, 960, 160, true, hs, 1},
};
constexpr std::array small_rows{
    Bottleneck3{16, 3, 16, 16, true, re, 2},
    Bottleneck3{16, 3, 72, 24, false, re, 2},
    Bottleneck3{24, 3, 88, 24, false, re, 1},
    Bottleneck3{24, 5, 96, 40, true, hs, 2},
    Bottleneck3{40, 5, 240, 40, true, hs, 1},
    Bottleneck3{40, 5, 240, 40, true, hs, 1},
    Bottleneck3{40, 5, 120, 48, true, hs, 1},
    Bottleneck3{48, 5, 144, 48, true, hs, 1},
    Bottleneck3{48, 5, 288, 96, true, hs, 2},
    Bottleneck3{96, 5, 576, 96, true, hs, 1},
    Bottleneck3{96, 5, 576, 96, true, hs, 1},
};
// clang-format on

class MobileNetClassifier : public Layer {
 public:
  MobileNetClassifier(std::int64_t features, std::int64_t hidden, std::int64_t classes)
      : first_(register_module("0", nn::Linear(features, hidden))),
        dropout_(register_module("2", nn::Dropout(0.2))),
        last_(register_module("3", nn::Linear(hidden, classes))) {}
  Tensor forward(const Tensor& input) override {
    return last_(dropout_(torch::hardswish(first_(input))));
  }

 private:
  nn::Linear first_;
  nn::Dropout dropout_;
  nn::Linear last_;
};

class MobileNetV3 : public Network {
 public:
  MobileNetV3(std::span<const Bottleneck3> rows, std::int64_t hidden, std::int64_t classes) {
    const std::int64_t last_out = rows.back().out;
    const std::int64_t features = 6 * last_out;
    features_ = register_module("features", std::make_shared<Chain>());
    features_->add(std::make_shared<ConvNorm>(ConvolutionSizes{3, rows[0].in, 3, 2}, hs));
    for (const Bottleneck3& row : rows) features_->add(std::make_shared<InvertedResidual>(row));
    features_->add(std::make_shared<ConvNorm>(ConvolutionSizes{last_out, features}, hs));
    classifier_ = register_module("classifier",
                                  std::make_shared<MobileNetClassifier>(features, hidden, classes));
    initialise();
  }
  Tensor forward(const Tensor& images) override {
    const Tensor pooled = torch::adaptive_avg_pool2d(features_->forward(images), {1, 1});
    return classifier_->forward(torch::flatten(pooled, 1));
  }
  [[nodiscard]] std::string head() const override { return "classifier"; }

 private:
  void initialise() {
    for (const auto& module : modules(false)) {
      if (auto* conv = module->as<nn::Conv2d>()) {
        nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut);
        if (conv->bias.defined()) nn::init::zeros_(conv->bias);
      } else if (auto* linear = module->as<nn::Linear>()) {
        nn::init::normal_(linear->weight, 0, 0.01);
        nn::init::zeros_(linear->bias);
      }
    }
  }

  std::shared_ptr<Chain> features_;
  std::shared_ptr<MobileNetClassifier> classifier_;
};

// What joins a residual block's input to its output where their sizes differ.
class Downsample : public Layer {
 public:
  Downsample(std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv_(register_module("0", convolution(in, out, 1, stride))),
        norm_(register_module("1", nn::BatchNorm2d(out))) {}
  Tensor forward(const Tensor& input) override { return norm_(conv_(input)); }

 private:
  nn::Conv2d conv_;
  nn::BatchNorm2d norm_;
};

// A residual block of two 3x3 convolutions (resnet18) or of three (resnet50).
class ResidualBlock : public Layer {
 public:
  ResidualBlock(std::int64_t in, std::int64_t planes, std::int64_t stride, bool is_bottleneck) {
    const std::int64_t out = is_bottleneck ? planes * 4 : planes;
    if (is_bottleneck) {
      add(1, convolution(in, planes, 1), planes);
      add(2, convolution(planes, planes, 3, stride), planes);
      add(3, convolution(planes, out, 1), out);
    } else {
      add(1, convolution(in, planes, 3, stride), planes);
      add(2, convolution(planes, planes, 3), planes);
    }
    if (stride != 1 || in != out) {
      downsample_ = register_module("downsample", std::make_shared<Downsample>(in, out, stride));
    }
  }
  Tensor forward(const Tensor& input) override {
    Tensor output = input;
    for (std::size_t i = 0; i < convs_.size(); ++i) {
      output = norms_[i](convs_[i](output));
      if (i + 1 < convs_.size()) output = output.relu_();
    }
    output += downsample_ ? downsample_->forward(input) : input;
    return output.relu_();
  }

 private:
  void add(int number, nn::Conv2d conv, std::int64_t channels) {
    const std::string suffix = std::to_string(number);
    convs_.push_back(register_module("conv" + suffix, std::move(conv)));
    norms_.push_back(register_module("bn" + suffix, nn::BatchNorm2d(channels)));
  }

  std::vector<nn::Conv2d> convs_;
  std::vector<nn::BatchNorm2d> norms_;
  std::shared_ptr<Downsample> downsample_;
};

class ResNet : public Network {
 public:
  ResNet(const std::array<int, 4>& depths, bool is_bottleneck, std::int64_t classes) {
    conv1_ = register_module("conv1", convolution(3, 64, 7, 2));
    bn1_ = register_module("bn1", nn::BatchNorm2d(64));
    std::int64_t in = 64;
    std::int64_t planes = 64;
    for (std::size_t i = 0; i < depths.size(); ++i, planes *= 2) {
      auto layer = register_module("layer" + std::to_string(i + 1), std::make_shared<Chain>());
      for (int block = 0; block < depths.at(i); ++block) {
        const std::int64_t stride = i > 0 && block == 0 ? 2 : 1;
        layer->add(std::make_shared<ResidualBlock>(in, planes, stride, is_bottleneck));
        in = is_bottleneck ? planes * 4 : planes;
      }
      layers_.push_back(layer);
    }
    fc_ = register_module("fc", nn::Linear(in, classes));
    for (const auto& module : modules(false)) {
      if (auto* conv = module->as<nn::Conv2d>()) {
        nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut, torch::kReLU);
      }
    }
  }
  Tensor forward(const Tensor& images) override {
    Tensor output = bn1_(conv1_(images)).relu_();
    output = torch::max_pool2d(output, 3, 2, 1);
    for (const auto& layer : layers_) output = layer->forward(output);
    output = torch::adaptive_avg_pool2d(output, {1, 1});
    return fc_(torch::flatten(output, 1));
  }
  [[nodiscard]] std::string head() const override { return "fc"; }

 private:
  nn::Conv2d conv1_{nullptr};
  nn::BatchNorm2d bn1_{nullptr};
  std::vector<std::shared_ptr<Chain>> layers_;
  nn::Linear fc_{nullptr};
};

}  // namespace

std::shared_ptr<Network> make_network(const std::string& model_name, std::int64_t classes) {
  if (model_name == "mobilenet_v3_small") {
    return std::make_shared<MobileNetV3>(small_rows, 1024, classes);
  }
  if (model_name == "mobilenet_v3_large") {
    return std::make_shared<MobileNetV3>(large_rows, 1280, classes);
  }
  const bool is_deep = model_name == "resnet50";
  const std::array<int, 4> depths =
      is_deep ? std::array<int, 4>{3, 4, 6, 3} : std::array<int, 4>{2, 2, 2, 2};
  return std::make_shared<ResNet>(depths, is_deep, classes);
}

}  // namespace trainers::vision
