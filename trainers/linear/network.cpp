#include "trainers/linear/network.h"

#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <torch/optim/adamw.h>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "trainers/linear/solvers.h"

namespace trainers::linear {

using sandbox::Code;
using sandbox::Error;

namespace {

constexpr std::size_t layers_max = 8;
constexpr std::int64_t size_max = 4096;

// Rows and what is true of them, ready for the layers. Of a regression the truth is scaled as well.
struct Ready {
  at::Tensor rows;
  at::Tensor truth;
};

Ready ready(const Model& model, const tabular::Rows& rows, const tabular::Part& part) {
  at::Tensor truth = at::tensor(at::ArrayRef<double>(part.truth), at::TensorOptions(at::kDouble));
  truth =
      model.classes > 0 ? truth.to(at::kLong) : (truth - model.target_center) / model.target_scale;
  return {scaled(model, rows.values(part)), truth};
}

at::Tensor loss_of(const Model& model, const at::Tensor& outputs, const at::Tensor& truth) {
  return model.classes > 0 ? class_loss(outputs, truth) : at::mse_loss(outputs.squeeze(1), truth);
}

// As the metrics call it: log_loss, or the root of the squares in the target's own unit.
double loss_in_words(const Model& model, double loss) {
  return model.classes > 0 ? loss : std::sqrt(loss) * model.target_scale;
}

void check_batch(const NetworkSettings& settings, std::int64_t rows) {
  if (settings.batch_size <= rows) return;
  throw Error(Code::invalid_parameter_value,
              "A batch of " + std::to_string(settings.batch_size) + " rows is more than the " +
                  std::to_string(rows) + " there are to learn from. Say --batch-size " +
                  std::to_string(std::max<std::int64_t>(rows / 8, 1)) + ", for example.");
}

class Training {
 public:
  Training(TrainContext& context,
           const tabular::Rows& rows,
           const NetworkSettings& settings,
           Model& model)
      : context_(context),
        settings_(settings),
        model_(model),
        loss_name_(rows.loss_name()),
        train_(ready(model, rows, rows.train)) {
    check_batch(settings, train_.rows.size(0));
    if (rows.validation) validation_ = ready(model, rows, *rows.validation);
    at::manual_seed(static_cast<std::uint64_t>(settings.seed));
    std::int64_t inputs = train_.rows.size(1);
    std::vector<std::int64_t> sizes = sizes_of(settings.hidden);
    sizes.push_back(model.outputs());
    for (const std::int64_t outputs : sizes) {
      model_.layers.push_back(begin_layer(inputs, outputs));
      inputs = outputs;
    }
  }

  bool run() {
    std::vector<at::Tensor> weights;
    for (Layer& layer : model_.layers) {
      weights.push_back(layer.weight.requires_grad_());
      weights.push_back(layer.bias.requires_grad_());
    }
    torch::optim::AdamW optimizer(
        weights,
        torch::optim::AdamWOptions(settings_.learning_rate).weight_decay(settings_.weight_decay));
    std::int64_t epoch = 1;
    for (; epoch <= settings_.epochs; ++epoch) {
      if (!learn(optimizer)) return false;
      if (!judge(epoch)) break;
      context_.flush();
    }
    if (validation_.rows.defined()) {
      model_.layers = best_layers_;
      context_.log_metric("best_epoch", static_cast<double>(best_epoch_));
      context_.log_metric("stopped_epoch", static_cast<double>(std::min(epoch, settings_.epochs)));
    }
    model_.layers = copy_layers(model_.layers);
    return true;
  }

 private:
  // One epoch; false when the person stopped it.
  bool learn(torch::optim::AdamW& optimizer) {
    const at::Tensor order = at::randperm(train_.rows.size(0));
    for (const at::Tensor& batch : order.split(settings_.batch_size)) {
      if (context_.is_stopping()) return false;
      optimizer.zero_grad();
      const at::Tensor outputs =
          apply_layers(model_, train_.rows.index_select(0, batch), settings_.dropout);
      loss_of(model_, outputs, train_.truth.index_select(0, batch)).backward();
      optimizer.step();
    }
    return true;
  }

  double loss(const Ready& part) const {
    const at::NoGradGuard no_grad;
    return loss_in_words(
        model_, loss_of(model_, apply_layers(model_, part.rows), part.truth).item<double>());
  }

  // Logs the epoch; false when patience is over.
  bool judge(std::int64_t epoch) {
    const double learnt = loss(train_);
    if (!std::isfinite(learnt)) {
      throw Error(Code::invalid_state,
                  "The loss is no number any more in epoch " + std::to_string(epoch) +
                      ": the steps are too large. Try a smaller --learning-rate, and --scaling "
                      "standard.");
    }
    context_.log_metric("epoch_train_" + loss_name_, learnt, epoch);
    std::string line = "epoch " + std::to_string(epoch) + " of " +
                       std::to_string(settings_.epochs) + ", " + loss_name_ + " " +
                       number_text(learnt);
    if (validation_.rows.defined()) {
      const double watched = loss(validation_);
      context_.log_metric("epoch_validation_" + loss_name_, watched, epoch);
      line += ", watched " + number_text(watched);
      if (watched < best_loss_) {
        best_loss_ = watched;
        best_epoch_ = epoch;
        best_layers_ = copy_layers(model_.layers);
      }
    }
    context_.show_progress(line);
    return !validation_.rows.defined() || epoch - best_epoch_ < settings_.patience;
  }

  TrainContext& context_;
  const NetworkSettings& settings_;
  Model& model_;
  std::string loss_name_;
  Ready train_;
  Ready validation_;  // undefined where none is set aside
  std::vector<Layer> best_layers_;
  std::int64_t best_epoch_ = 0;
  double best_loss_ = std::numeric_limits<double>::infinity();
};

}  // namespace

std::vector<std::int64_t> sizes_of(const std::string& hidden) {
  std::vector<std::int64_t> sizes;
  for (const std::string& word : sandbox::split(hidden, ',')) {
    const auto number = sandbox::parse_int64(sandbox::trim(word));
    if (!number || *number < 1 || *number > size_max || sizes.size() == layers_max) {
      throw Error(Code::invalid_parameter_value,
                  "hidden is '" + hidden + "'; it names the sizes of up to " +
                      std::to_string(layers_max) + " layers, each from 1 to " +
                      std::to_string(size_max) + ", such as 64,32.");
    }
    sizes.push_back(*number);
  }
  return sizes;
}

bool train_network(TrainContext& context,
                   const tabular::Rows& rows,
                   const NetworkSettings& settings,
                   Model& model) {
  return Training(context, rows, settings, model).run();
}

}  // namespace trainers::linear
