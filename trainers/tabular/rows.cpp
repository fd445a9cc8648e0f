#include "trainers/tabular/rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <thread>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "trainers/tabular/description.h"

namespace trainers::tabular {

using sandbox::Code;
using sandbox::Error;

namespace {

constexpr std::size_t columns_named_max = 20;

Part part_of(const Data& data, std::vector<std::size_t> rows) {
  Part part{std::move(rows), {}};
  for (const std::size_t row : part.rows) part.truth.push_back(data.target.values[row]);
  return part;
}

// They do no harm, but whoever expects something of them should know.
void say_constant(TrainContext& context, const Data& data, const std::vector<std::size_t>& train) {
  std::vector<std::string> constant;
  for (std::size_t column = 0; column < data.table.columns.size(); ++column) {
    std::set<double> seen;
    for (const std::size_t row : train) {
      const double value = data.table.at(row, column);
      if (!std::isnan(value)) seen.insert(value);
      if (seen.size() > 1) break;
    }
    if (seen.size() < 2) constant.push_back("'" + data.table.columns[column] + "'");
  }
  if (constant.empty()) return;
  const std::size_t more = constant.size() - std::min(constant.size(), columns_named_max);
  constant.resize(constant.size() - more);
  const bool is_one = constant.size() == 1;
  context.say(std::string(is_one ? "The column " : "The columns ") + sandbox::join(constant, ", ") +
              (more == 0 ? "" : " and " + std::to_string(more) + " more") +
              (is_one ? " holds" : " hold") +
              " no two values in the rows to learn from and can tell nothing.");
}

void check_classes(const Data& data, const std::vector<std::size_t>& train) {
  if (data.target.task == Task::regression) return;
  std::set<double> seen;
  for (const std::size_t row : train) seen.insert(data.target.values[row]);
  if (seen.size() > 1) return;
  throw Error(Code::invalid_parameter_value,
              "All rows to learn from are of the class '" +
                  data.target.classes[static_cast<std::size_t>(*seen.begin())] +
                  "'; there is nothing to tell apart. Another --seed splits the rows otherwise.");
}

void check_threshold(const Data& data, const TableSettings& settings) {
  const bool is_regression = data.target.task == Task::regression;
  if (is_regression ? settings.min_accuracy == 0 : settings.min_r2 == 0) return;
  throw Error(Code::invalid_parameter_value,
              "The target '" + data.table.target + "' makes this a " +
                  std::string(task_name(data.target.task)) +
                  (is_regression ? "; its threshold is min_r2, not min_accuracy."
                                 : "; its threshold is min_accuracy, not min_r2."));
}

int threads_of(const TableSettings& settings) {
  if (settings.threads > 0) return static_cast<int>(settings.threads);
  return static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

std::string count_text(std::size_t count, const char* noun) {
  return std::to_string(count) + " " + noun;
}

void describe(TrainContext& context, const Rows& rows) {
  const auto number = [](std::size_t count) { return static_cast<std::int64_t>(count); };
  context.log_dataset(rows.data.input);
  context.log_param("task", std::string(task_name(rows.data.target.task)));
  context.log_param("data_sha256", rows.data.digest);
  context.log_param("rows", number(rows.data.table.rows()));
  context.log_param("columns", number(rows.data.table.columns.size()));
  context.log_param("train_rows", number(rows.train.rows.size()));
  context.log_param("test_rows", number(rows.test.rows.size()));
  if (rows.validation) {
    context.log_param("validation_rows", number(rows.validation->rows.size()));
  }
  if (!rows.is_regression()) context.log_param("classes", number(rows.classes()));
  context.say(
      (rows.is_regression() ? std::string("Regression") : count_text(rows.classes(), "classes")) +
      " of " + rows.data.table.target + " from " +
      count_text(rows.data.table.columns.size(), "columns") + ": " +
      count_text(rows.train.rows.size(), "rows to learn from") +
      (rows.validation ? ", " + std::to_string(rows.validation->rows.size()) + " to watch" : "") +
      ", " + std::to_string(rows.test.rows.size()) + " to test.");
}

}  // namespace

std::vector<float> Rows::values(const Part& part) const {
  const std::size_t width = data.table.columns.size();
  std::vector<float> values;
  values.reserve(part.rows.size() * width);
  for (const std::size_t row : part.rows) {
    for (std::size_t column = 0; column < width; ++column) {
      values.push_back(static_cast<float>(data.table.at(row, column)));
    }
  }
  return values;
}

Scores Rows::scores(const Part& part, std::span<const float> predicted) const {
  return is_regression() ? regression_scores(part.truth, predicted)
                         : classification_scores(part.truth, predicted, classes());
}

std::string Rows::loss_name() const {
  return is_regression() ? "rmse" : "log_loss";
}

double Rows::loss(const Part& part, std::span<const float> predicted) const {
  return is_regression() ? rmse(part.truth, predicted) : log_loss(part.truth, predicted, classes());
}

Rows prepare_rows(TrainContext& context,
                  const TableSettings& settings,
                  double validation_fraction) {
  Data data = load_data(context, settings);
  check_threshold(data, settings);
  Split split =
      split_rows(data.table.rows(), settings.test_fraction, validation_fraction, settings.seed);
  check_classes(data, split.train);
  say_constant(context, data, split.train);
  Rows rows;
  rows.threads = threads_of(settings);
  rows.train = part_of(data, std::move(split.train));
  rows.test = part_of(data, std::move(split.test));
  if (!split.validation.empty()) rows.validation = part_of(data, std::move(split.validation));
  rows.data = std::move(data);
  describe(context, rows);
  return rows;
}

EarlierRows rows_to_evaluate(TrainContext& context, const TableSettings& settings) {
  const Description model = fetch_description(context);
  EarlierRows earlier;
  Rows& rows = earlier.rows;
  rows.threads = threads_of(settings);
  rows.data = load_data_like(context, settings, model);
  earlier.is_other = rows.data.digest != model.data_sha256;
  std::vector<std::size_t> test(rows.data.table.rows());
  std::iota(test.begin(), test.end(), std::size_t{0});
  if (!earlier.is_other) {
    test.assign(model.test_rows.begin(), model.test_rows.end());
  }
  rows.test = part_of(rows.data, std::move(test));
  if (earlier.is_other) {
    rows.data.input.context = "evaluation";
    context.log_dataset(rows.data.input);
  }
  return earlier;
}

}  // namespace trainers::tabular
