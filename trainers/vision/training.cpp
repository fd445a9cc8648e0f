#include "trainers/vision/training.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <sys/resource.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/utils.h>
#include <torch/version.h>

#include "sandbox/base/error.h"
#include "trainers/progress.h"
#include "trainers/vision/dataset_input.h"
#include "trainers/vision/evaluation.h"
#include "trainers/vision/model_files.h"
#include "trainers/vision/models.h"
#include "trainers/vision/optimizer.h"
#include "trainers/vision/precision.h"
#include "trainers/vision/pruning.h"
#include "trainers/vision/results.h"
#include "trainers/vision/torchscript.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace {

constexpr double progress_seconds = 0.15;
constexpr double pruned_rate_factor = 0.1;
constexpr const char* last_checkpoint = "checkpoints/last.pth";
constexpr const char* best_checkpoint = "checkpoints/best.pth";

// Streams of chance that must not depend on each other (Chance::mix).
constexpr std::uint64_t split_stream = 10;
constexpr std::uint64_t epoch_stream = 1'000;
constexpr std::uint64_t dropout_stream = 1'000'000'000;

class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Training {
 public:
  Training(TrainContext& context, const VisionSettings& settings)
      : context_(context),
        settings_(settings),
        device_(find_device(settings.device, context)),
        precision_(find_precision(settings.precision, device_)),
        seed_(static_cast<std::uint64_t>(settings.seed)),
        set_(open_dataset(settings, context)),
        split_(split_images(
            set_.train.count(), settings.val_fraction, Chance::mix(seed_, split_stream))),
        train_feeder_(set_.train, set_, device_, static_cast<std::size_t>(settings.batch_size)) {
    check_batch();
    if (settings.quantize) choose_quantized_engine();  // better now than after the training
    at::set_num_threads(thread_count(settings));
    torch::manual_seed(seed_);
    network_ = make_network(settings.model_name, static_cast<std::int64_t>(set_.classes.size()));
    if (!settings.weights.empty()) {
      load_state(*network_, read_tensors(settings.weights), true);
    }
    network_->to(device_);
    arrange_memory();
    freeze();
    optimizer_.emplace(trainable(), optimizer_options());
  }

  void run() {
    log_beginning();
    if (context_.is_resumed()) resume();
    for (std::int64_t epoch = epochs_done_ + 1; epoch <= settings_.epochs; ++epoch) {
      if (settings_.pause_after > 0 && epoch > settings_.pause_after) return pause();
      if (is_out_of_patience()) {
        context_.say("val_accuracy has not become better for " +
                     std::to_string(settings_.patience) + " epochs: that is enough.");
        break;
      }
      if (!train_epoch(epoch)) return;
    }
    finish();
  }

 private:
  void check_batch() const {
    const std::size_t count = split_.train.size();
    if (static_cast<std::size_t>(settings_.batch_size) <= count) return;
    throw Error(Code::invalid_parameter_value,
                "batch_size is " + std::to_string(settings_.batch_size) + ", but there are only " +
                    std::to_string(count) + " images to train with (and " +
                    std::to_string(split_.validation.size()) +
                    " to validate). Say a batch_size of " + std::to_string(count) + " or less.");
  }

  // Convolutions of small images are fastest with the channels last, and so is their input.
  void arrange_memory() {
    const torch::NoGradGuard no_grad;
    for (const auto& parameter : network_->parameters()) {
      if (parameter.dim() == 4) {
        // A copy: one with a single input channel would count as arranged already, and be turned
        // around at every use.
        parameter.set_data(
            at::empty_like(parameter, parameter.options(), at::MemoryFormat::ChannelsLast)
                .copy_(parameter));
      }
    }
  }

  void freeze() {
    if (!settings_.freeze) return;
    const std::string head = network_->head() + ".";
    for (const auto& parameter : network_->named_parameters()) {
      parameter.value().set_requires_grad(parameter.key().starts_with(head));
    }
  }

  [[nodiscard]] OptimizerOptions optimizer_options() const {
    return {settings_.optimizer, settings_.momentum, settings_.weight_decay};
  }

  [[nodiscard]] std::vector<std::pair<std::string, at::Tensor>> trainable() const {
    std::vector<std::pair<std::string, at::Tensor>> list;
    for (const auto& parameter : network_->named_parameters()) {
      if (parameter.value().requires_grad()) list.emplace_back(parameter.key(), parameter.value());
    }
    return list;
  }

  void log_beginning() {
    std::int64_t total = 0;
    std::int64_t learning = 0;
    for (const auto& parameter : network_->parameters()) {
      total += parameter.numel();
      if (parameter.requires_grad()) learning += parameter.numel();
    }
    context_.log_param("model_name", settings_.model_name);
    context_.log_param("num_classes", static_cast<std::int64_t>(set_.classes.size()));
    context_.log_param("batch_size", settings_.batch_size);
    context_.log_param("learning_rate", settings_.learning_rate);
    context_.log_param("epochs", settings_.epochs);
    context_.log_param("dataset", settings_.dataset);
    context_.log_param("augmentation", settings_.use_augmentation);
    if (settings_.prune > 0) {
      context_.log_param("prune", settings_.prune);
      context_.log_param("prune_epochs", settings_.prune_epochs);
    }
    if (settings_.quantize) context_.log_param("quantize", true);
    context_.log_param("total_parameters", total);
    context_.log_param("trainable_parameters", learning);
    context_.log_param("frozen_parameters", total - learning);
    context_.set_tag("sandbox.dataset.source", set_.source);
    if (!set_.digest.empty()) context_.set_tag("sandbox.dataset.md5", set_.digest);
    context_.set_tag("sandbox.dataset.is_synthetic", set_.is_made_up ? "true" : "false");
    context_.set_tag("sandbox.device", device_.str());
    context_.set_tag("sandbox.precision", precision_ == Precision::bf16 ? "bf16" : "float32");
    context_.set_tag("sandbox.threads", std::to_string(thread_count(settings_)));
    context_.set_tag("sandbox.libtorch", TORCH_VERSION);
    context_.log_dataset(input_of(set_, set_.train, "training"));
    context_.log_dataset(input_of(set_, set_.test, "testing"));
    context_.flush(true);
    context_.say(settings_.model_name + ", " + std::to_string(total) + " parameters, on " +
                 set_.name + ": " + std::to_string(split_.train.size()) + " images to train, " +
                 std::to_string(split_.validation.size()) + " to validate, " +
                 std::to_string(set_.test.count()) + " to test");
  }

  [[nodiscard]] double rate_of(std::int64_t epoch) const {
    const auto done = static_cast<double>(epoch - 1);
    if (settings_.schedule == "cosine") {
      constexpr double pi = 3.14159265358979323846;
      return settings_.learning_rate * 0.5 *
             (1 + std::cos(pi * done / static_cast<double>(settings_.epochs)));
    }
    if (settings_.schedule == "step") {
      return settings_.learning_rate *
             std::pow(settings_.step_factor, (epoch - 1) / settings_.step_epochs);
    }
    return settings_.learning_rate;
  }

  [[nodiscard]] std::int64_t last_epoch() const {
    return settings_.pause_after > 0 ? std::min(settings_.epochs, settings_.pause_after)
                                     : settings_.epochs;
  }

  [[nodiscard]] bool is_out_of_patience() const {
    return settings_.patience > 0 && epochs_done_ - best_epoch_ >= settings_.patience;
  }

  // False when it was stopped; then the last checkpoint is that of the epoch before.
  bool train_epoch(std::int64_t epoch) {
    const double rate = rate_of(epoch);
    const double cpu_before = cpu_seconds();
    const Stopwatch watch;
    Tally tally(device_);
    if (!learn(epoch, rate, tally)) return false;
    const double seconds = watch.seconds();
    const double cpu = cpu_seconds() - cpu_before;
    const Tested validated =
        test_network(*network_, set_.train, set_, split_.validation, device_, context_);
    if (context_.is_stopping()) return false;
    end_epoch(epoch, rate, tally, validated, seconds, cpu);
    return true;
  }

  // Shows all training images to the network once; false when it was stopped.
  bool learn(std::int64_t epoch, double rate, Tally& tally) {
    // All chance of an epoch comes from its number, so that a resumed run goes on as if it had
    // never stopped.
    Chance chance(Chance::mix(seed_, epoch_stream + static_cast<std::uint64_t>(epoch)));
    torch::manual_seed(Chance::mix(seed_, dropout_stream + static_cast<std::uint64_t>(epoch)));
    std::vector<std::size_t> places = split_.train;
    shuffle(places, chance);
    network_->train();
    const Stopwatch watch;
    const auto batch_size = static_cast<std::size_t>(settings_.batch_size);
    const auto batches = static_cast<std::int64_t>((places.size() + batch_size - 1) / batch_size);
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      if (context_.is_stopping()) return false;
      const std::size_t begin = static_cast<std::size_t>(batch) * batch_size;
      const auto some =
          std::span(places).subspan(begin, std::min(batch_size, places.size() - begin));
      if (some.size() < 2) break;  // batch normalisation learns nothing from a single image
      step(some, chance, rate, (epoch - 1) * batches + batch, tally);
      show(epoch, static_cast<std::int64_t>(begin + some.size()), places.size(), watch);
    }
    return true;
  }

  void step(std::span<const std::size_t> places,
            Chance& chance,
            double rate,
            std::int64_t number_of_step,
            Tally& tally) {
    const Feeder::Batch batch =
        train_feeder_.batch(places, settings_.use_augmentation ? &chance : nullptr);
    const at::Tensor outputs = outputs_for(batch.images);
    const at::Tensor loss = at::cross_entropy_loss(outputs, batch.labels);
    loss.backward();
    optimizer_->step(rate);
    if (pruning_) pruning_->apply();
    tally.add(loss, outputs, batch.labels);
    if (number_of_step % settings_.log_every == 0) {
      last_loss_ = loss.item<double>();
      const at::Tensor right = (outputs.detach().argmax(1) == batch.labels).sum();
      context_.log_metric("batch_loss", last_loss_, number_of_step);
      context_.log_metric(
          "batch_accuracy",
          static_cast<double>(right.item<std::int64_t>()) / static_cast<double>(places.size()),
          number_of_step);
    }
    context_.flush();
  }

  at::Tensor outputs_for(const at::Tensor& images) {
    const Autocast autocast(precision_, device_);
    return network_->forward(images).to(at::kFloat);
  }

  void show(std::int64_t epoch, std::int64_t done, std::size_t of, const Stopwatch& watch) {
    if (!context_.is_terminal() || since_shown_.seconds() < progress_seconds) return;
    since_shown_ = {};
    const double rate = static_cast<double>(done) / std::max(watch.seconds(), 1e-9);
    const auto all = static_cast<std::int64_t>(of);
    const double left =
        static_cast<double>(all - done + std::max<std::int64_t>(last_epoch() - epoch, 0) * all) /
        std::max(rate, 1e-9);
    context_.show_progress(progress_text(
        {"epoch " + std::to_string(epoch) + "/" +
             std::to_string(settings_.epochs + (pruning_ ? settings_.prune_epochs : 0)),
         done, all, rate, "images", left, "loss " + number_text("%.4f", last_loss_)}));
  }

  void end_epoch(std::int64_t epoch,
                 double rate,
                 const Tally& tally,
                 const Tested& validated,
                 double seconds,
                 double cpu) {
    const double train_loss = tally.mean_loss();
    if (!std::isfinite(train_loss)) {
      throw Error(Code::invalid_state,
                  "The loss is no number any more in epoch " + std::to_string(epoch) +
                      ": the steps are too large. Try a smaller --learning-rate.");
    }
    const double val_accuracy = validated.confusion.accuracy();
    context_.log_metric("train_loss", train_loss, epoch);
    context_.log_metric("train_accuracy", tally.accuracy(), epoch);
    context_.log_metric("val_loss", validated.loss, epoch);
    context_.log_metric("val_accuracy", val_accuracy, epoch);
    context_.log_metric("learning_rate", rate, epoch);
    const double images = static_cast<double>(tally.count());
    context_.log_metric("images_per_second", images / std::max(seconds, 1e-9), epoch);
    context_.log_metric("cpu_ms_per_image", cpu * 1000 / images, epoch);
    // Before the checkpoint: who is killed in between repeats the epoch, and none is missing.
    context_.flush(true);
    epochs_done_ = epoch;
    if (val_accuracy > best_accuracy_) {
      best_accuracy_ = val_accuracy;
      best_epoch_ = epoch;
      write_tensors(state_of(*network_), context_.directory() / best_checkpoint);
      context_.log_file(context_.directory() / best_checkpoint, "checkpoints");
    }
    write_tensors(checkpoint(), context_.directory() / last_checkpoint);
    context_.log_file(context_.directory() / last_checkpoint, "checkpoints");
    context_.flush(true);
    context_.say("epoch " + std::to_string(epoch) + "/" + std::to_string(settings_.epochs) +
                 ": train_loss " + number_text("%.4f", train_loss) + ", train_accuracy " +
                 number_text("%.4f", tally.accuracy()) + ", val_loss " +
                 number_text("%.4f", validated.loss) + ", val_accuracy " +
                 number_text("%.4f", val_accuracy) + ", " +
                 number_text("%.0f", images / std::max(seconds, 1e-9)) + " images/s, " +
                 duration_text(seconds * static_cast<double>(last_epoch() - epoch)) + " left");
  }

  [[nodiscard]] NamedTensors checkpoint() const {
    NamedTensors all{{"epoch", at::scalar_tensor(epochs_done_, at::kLong)},
                     {"best_epoch", at::scalar_tensor(best_epoch_, at::kLong)},
                     {"best_val_accuracy", at::scalar_tensor(best_accuracy_, at::kDouble)}};
    for (const auto& [name, tensor] : state_of(*network_)) all["model/" + name] = tensor;
    for (const auto& [name, tensor] : optimizer_->state()) all["optimizer/" + name] = tensor;
    return all;
  }

  void resume() {
    const auto file = context_.fetch(last_checkpoint);
    if (!file) {
      context_.say("The run has no checkpoint yet: it begins anew.");
      return;
    }
    NamedTensors model;
    NamedTensors optimizer;
    NamedTensors rest;
    for (auto& [name, tensor] : read_tensors(*file)) {
      if (name.starts_with("model/")) {
        model[name.substr(6)] = tensor;
      } else if (name.starts_with("optimizer/")) {
        optimizer[name.substr(10)] = tensor;
      } else {
        rest[name] = tensor;
      }
    }
    load_state(*network_, model);
    optimizer_->load(optimizer);
    epochs_done_ = rest.at("epoch").item<std::int64_t>();
    best_epoch_ = rest.at("best_epoch").item<std::int64_t>();
    best_accuracy_ = rest.at("best_val_accuracy").item<double>();
    context_.say("Going on after epoch " + std::to_string(epochs_done_) + ".");
  }

  // Another run of this program goes on from the last checkpoint.
  void pause() {
    context_.log_metric("best_val_accuracy", best_accuracy_);
    context_.say("Paused after epoch " + std::to_string(epochs_done_) + " of " +
                 std::to_string(settings_.epochs) + "; --resume " + context_.run_id() +
                 " with a later --pause-after, or 0, goes on.");
    context_.refuse_registration("the training is paused, and there is no model yet.");
  }

  // The best epoch's weights are the model.
  void finish() {
    if (const auto best = context_.fetch(best_checkpoint)) {
      load_state(*network_, read_tensors(*best));
    }
    context_.log_metric("best_val_accuracy", best_accuracy_);
    const Tested tested = test_network(*network_, set_, device_, context_);
    if (context_.is_stopping()) return;
    log_test(context_, settings_, set_, tested);
    log_model(context_, settings_, set_, *network_);
    context_.flush(true);
    if (settings_.prune > 0) prune();
    if (settings_.quantize && !context_.is_stopping()) {
      log_quantized(context_, settings_, set_, *network_);
    }
    context_.flush(true);
  }

  // The network becomes the pruned one, and is trained a little longer if that was asked for. A run
  // that is resumed later does all of it again.
  void prune() {
    pruning_.emplace(*network_, settings_.prune);
    optimizer_.emplace(trainable(), optimizer_options());
    for (std::int64_t extra = 1; extra <= settings_.prune_epochs; ++extra) {
      const std::int64_t epoch = settings_.epochs + extra;
      Tally tally(device_);
      if (!learn(epoch, settings_.learning_rate * pruned_rate_factor, tally)) return;
      const Tested validated =
          test_network(*network_, set_.train, set_, split_.validation, device_, context_);
      if (context_.is_stopping()) return;
      context_.log_metric("pruned_train_loss", tally.mean_loss(), epoch);
      context_.log_metric("pruned_val_accuracy", validated.confusion.accuracy(), epoch);
    }
    log_pruned(context_, settings_, set_, *network_, *pruning_);
  }

  TrainContext& context_;
  const VisionSettings& settings_;
  c10::Device device_;
  Precision precision_;
  std::uint64_t seed_;
  Dataset set_;
  Split split_;
  Feeder train_feeder_;
  std::shared_ptr<Network> network_;
  std::optional<Optimizer> optimizer_;
  std::optional<Pruning> pruning_;
  std::int64_t epochs_done_ = 0;
  std::int64_t best_epoch_ = 0;
  double best_accuracy_ = -1;
  double last_loss_ = 0;
  Stopwatch since_shown_;
};

}  // namespace

void train(TrainContext& context, const VisionSettings& settings) {
  with_torch_errors(settings, [&] { Training(context, settings).run(); });
}

}  // namespace trainers::vision
