// The rows of one training, split and in XGBoost's form.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "trainers/tabular/booster.h"
#include "trainers/tabular/data.h"
#include "trainers/tabular/metrics.h"
#include "trainers/tabular/split.h"

namespace trainers::tabular {

// A part of the rows. The truth is kept beside the matrix, which has it as floats.
struct Part {
  std::vector<std::size_t> rows;  // of the table
  std::vector<double> truth;
  Matrix matrix;
};

struct Rows {
  Data data;
  int threads = 1;
  Part train;
  std::unique_ptr<Part> validation;  // null where there is none
  Part test;

  [[nodiscard]] bool is_regression() const { return data.target.task == Task::regression; }
  [[nodiscard]] std::size_t classes() const { return data.target.classes.size(); }
  [[nodiscard]] Scores scores(const Part& part, const Booster& booster) const;
  // What early stopping watches: "rmse" or "log_loss".
  [[nodiscard]] std::string loss_name() const;
  [[nodiscard]] double loss(const Part& part, const Booster& booster) const;
};

// Loads and splits; logs the parameters of the data and the dataset to the run.
Rows prepare_rows(TrainContext& context, const TableSettings& settings, double validation_fraction);

// The options of XGBoost that come from the data: objective, classes, where to begin.
Booster::Options options_for(const Rows& rows, const TableSettings& settings);

}  // namespace trainers::tabular
