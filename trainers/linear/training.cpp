#include "trainers/linear/training.h"

#include <cmath>
#include <functional>
#include <new>
#include <numeric>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "sandbox/base/error.h"
#include "trainers/linear/coefficients.h"
#include "trainers/linear/model.h"
#include "trainers/linear/network.h"
#include "trainers/linear/solvers.h"
#include "trainers/tabular/report.h"
#include "trainers/tabular/rows.h"
#include "trainers/vision/model_files.h"

namespace trainers::linear {

using sandbox::Code;
using sandbox::Error;
using tabular::Rows;

namespace fs = std::filesystem;

namespace {

// Torch's errors as sentences.
void with_torch_errors(const std::function<void()>& action) {
  try {
    action();
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (what.find("can't allocate memory") != std::string::npos) throw std::bad_alloc();
    throw Error(Code::internal_error, "LibTorch: " + what.substr(0, what.find('\n')));
  }
}

// What a trainer of one task is asked for; auto is what it does.
template <class Settings>
Settings for_task(Settings settings, const std::string& trainer, tabular::Task task) {
  const std::string does(tabular::task_name(task));
  if (settings.task != "auto" && settings.task != does) {
    throw Error(
        Code::invalid_parameter_value,
        trainer + " does " + does + " only. For " + settings.task + " take " +
            (task == tabular::Task::regression ? "logistic_regression" : "linear_regression") +
            " or mlp.");
  }
  settings.task = does;
  return settings;
}

Model begin_model(const Rows& rows, const std::string& scaling) {
  Model model;
  model.scaling = fit_scaling(scaling, rows.values(rows.train), rows.data.table.columns);
  model.classes = rows.classes();
  at::set_num_threads(rows.threads);
  return model;
}

at::Tensor truth_of(const tabular::Part& part) {
  return at::tensor(at::ArrayRef<double>(part.truth), at::TensorOptions(at::kDouble));
}

std::vector<Line> lines_of(const Model& model) {
  const Layer& layer = model.layers.front();
  std::vector<Line> lines;
  for (std::int64_t output = 0; output < layer.weight.size(0); ++output) {
    const at::Tensor weights = layer.weight[output].contiguous();
    const Line line{layer.bias[output].item<double>(),
                    {weights.data_ptr<double>(), weights.data_ptr<double>() + weights.numel()}};
    lines.push_back(unscaled(line, model.scaling));
  }
  return lines;
}

// Everything is said by the exported model, so that Python says the same.
void report_model(TrainContext& context,
                  const Rows& rows,
                  const Model& model,
                  const std::string& name,
                  const tabular::TableSettings& settings) {
  torch::jit::Module script = to_script(model);
  const std::size_t columns = rows.data.table.columns.size();
  tabular::Predictions predicted;
  predicted.train = predict(script, rows.values(rows.train), columns);
  if (rows.validation) {
    predicted.validation = predict(script, rows.values(*rows.validation), columns);
  }
  predicted.test = predict(script, rows.values(rows.test), columns);
  tabular::report(context, rows, predicted, settings);
  if (model.layers.size() == 1) log_coefficients(context, rows, model.scaling, lines_of(model));

  const fs::path weights = context.directory() / (name + ".pth");
  vision::write_tensors(state_of(model), weights);
  context.log_file(weights);
  tabular::ModelFolder folder = tabular::describe_model(context, rows);
  folder.flavor = tabular::Flavor::pytorch;
  folder.library_version = torch_version();
  save_script(script,
              tabular::model_file(folder.flavor, context.directory() / tabular::model_folder));
  tabular::log_model(context, folder);
}

}  // namespace

void train_regression(TrainContext& context, const RegressionSettings& said) {
  with_torch_errors([&] {
    const auto settings = for_task(said, "linear_regression", tabular::Task::regression);
    tabular::log_settings(context, settings);
    const Rows rows = tabular::prepare_rows(context, settings, 0);
    context.flush(true);
    Model model = begin_model(rows, settings.scaling);
    model.layers = {least_squares(scaled(model, rows.values(rows.train)), truth_of(rows.train),
                                  settings.alpha)};
    if (context.is_stopping()) return;
    report_model(context, rows, model, "linear_regression", settings);
  });
}

void train_logistic(TrainContext& context, const LogisticSettings& said) {
  with_torch_errors([&] {
    const auto settings = for_task(said, "logistic_regression", tabular::Task::classification);
    tabular::log_settings(context, settings);
    const Rows rows = tabular::prepare_rows(context, settings, 0);
    context.flush(true);
    Model model = begin_model(rows, settings.scaling);
    const Descent descent = logistic(
        scaled(model, rows.values(rows.train)), truth_of(rows.train).to(at::kLong), model.outputs(),
        settings.regularization_c, settings.max_iter, settings.tol,
        [&](std::int64_t step, double loss) {
          context.log_metric("step_loss", loss, step);
          context.show_progress("step " + std::to_string(step) + " of " +
                                std::to_string(settings.max_iter) + ", loss " + number_text(loss));
          context.flush();
          return !context.is_stopping();
        });
    context.show_progress("");
    if (context.is_stopping()) return;
    context.log_metric("slope", descent.slope);
    if (!(descent.slope <= settings.tol)) {
      context.say("L-BFGS has not arrived after " + std::to_string(descent.steps) +
                  " steps: the greatest slope is " + number_text(descent.slope) +
                  ". Say --scaling standard, or a greater --max-iter.");
    }
    model.layers = {descent.layer};
    report_model(context, rows, model, "logistic_regression", settings);
  });
}

void train_mlp(TrainContext& context, const NetworkSettings& settings) {
  with_torch_errors([&] {
    sizes_of(settings.hidden);  // refuses before anything is read
    tabular::log_settings(context, settings);
    const Rows rows = tabular::prepare_rows(
        context, settings, settings.patience > 0 ? settings.validation_fraction : 0);
    context.flush(true);
    Model model = begin_model(rows, settings.scaling);
    model.activation = settings.activation;
    if (rows.is_regression()) {
      const at::Tensor truth = truth_of(rows.train);
      model.target_center = truth.mean().item<double>();
      const double deviation = truth.std(false).item<double>();
      model.target_scale = deviation > 0 ? deviation : 1;
    }
    const bool is_trained = train_network(context, rows, settings, model);
    context.show_progress("");
    if (is_trained) report_model(context, rows, model, "mlp", settings);
  });
}

void evaluate(TrainContext& context, const tabular::TableSettings& settings) {
  with_torch_errors([&] {
    const fs::path name = tabular::model_file(tabular::Flavor::pytorch, tabular::model_folder);
    const auto file = context.fetch(name.string());
    if (!file) {
      throw Error(Code::invalid_state,
                  "Run " + context.run_id() + " has no model: its training did not end well.");
    }
    const tabular::EarlierRows earlier = tabular::rows_to_evaluate(context, settings);
    const Rows& rows = earlier.rows;
    at::set_num_threads(rows.threads);
    torch::jit::Module script = load_script(*file);
    tabular::report_evaluation(
        context, earlier, predict(script, rows.values(rows.test), rows.data.table.columns.size()));
  });
}

}  // namespace trainers::linear
