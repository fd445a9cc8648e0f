#include "trainers/tabular/rows.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <thread>

#include "sandbox/base/error.h"

namespace trainers::tabular {

using sandbox::Code;
using sandbox::Error;

namespace {

Part part_of(const Data& data, std::vector<std::size_t> rows, int threads) {
  const std::size_t width = data.table.columns.size();
  std::vector<float> values;
  values.reserve(rows.size() * width);
  std::vector<double> truth;
  std::vector<float> labels;
  for (const std::size_t row : rows) {
    for (std::size_t column = 0; column < width; ++column) {
      values.push_back(static_cast<float>(data.table.at(row, column)));
    }
    truth.push_back(data.target.values[row]);
    labels.push_back(static_cast<float>(truth.back()));
  }
  return {std::move(rows), std::move(truth), Matrix(values, data.table.columns, labels, threads)};
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

Scores Rows::scores(const Part& part, const Booster& booster) const {
  const std::vector<float> predicted = booster.predict(part.matrix);
  return is_regression() ? regression_scores(part.truth, predicted)
                         : classification_scores(part.truth, predicted, classes());
}

std::string Rows::loss_name() const {
  return is_regression() ? "rmse" : "log_loss";
}

double Rows::loss(const Part& part, const Booster& booster) const {
  const std::vector<float> predicted = booster.predict(part.matrix);
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
  const int threads = settings.threads > 0
                          ? static_cast<int>(settings.threads)
                          : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  Part train = part_of(data, std::move(split.train), threads);
  Part test = part_of(data, std::move(split.test), threads);
  std::unique_ptr<Part> validation;
  if (!split.validation.empty()) {
    validation = std::make_unique<Part>(part_of(data, std::move(split.validation), threads));
  }
  Rows rows{std::move(data), threads, std::move(train), std::move(validation), std::move(test)};
  describe(context, rows);
  return rows;
}

Booster::Options options_for(const Rows& rows, const TableSettings& settings) {
  Booster::Options options{{"nthread", std::to_string(rows.threads)},
                           {"seed", std::to_string(settings.seed)}};
  if (rows.is_regression()) {
    const std::vector<double>& truth = rows.train.truth;
    const double mean =
        std::accumulate(truth.begin(), truth.end(), 0.0) / static_cast<double>(truth.size());
    options.emplace_back("objective", "reg:squarederror");
    options.emplace_back("base_score", number_text(mean));
  } else if (rows.classes() == 2) {
    options.emplace_back("objective", "binary:logistic");
  } else {
    options.emplace_back("objective", "multi:softprob");
    options.emplace_back("num_class", std::to_string(rows.classes()));
  }
  return options;
}

}  // namespace trainers::tabular
