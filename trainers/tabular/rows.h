// The rows of one training, split. No library of a model.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trainers/tabular/data.h"
#include "trainers/tabular/metrics.h"
#include "trainers/tabular/split.h"

namespace trainers::tabular {

struct Part {
  std::vector<std::size_t> rows;  // of the table
  std::vector<double> truth;
};

struct Rows {
  Data data;
  int threads = 1;
  Part train;
  std::optional<Part> validation;
  Part test;

  [[nodiscard]] bool is_regression() const { return data.target.task == Task::regression; }
  [[nodiscard]] std::size_t classes() const { return data.target.classes.size(); }
  // The values of a part as models get them: row after row, NaN where there is none.
  [[nodiscard]] std::vector<float> values(const Part& part) const;
  [[nodiscard]] Scores scores(const Part& part, std::span<const float> predicted) const;
  // What early stopping watches: "rmse" or "log_loss".
  [[nodiscard]] std::string loss_name() const;
  [[nodiscard]] double loss(const Part& part, std::span<const float> predicted) const;
};

// Loads and splits; logs the parameters of the data and the dataset to the run, and says which
// columns are the same in every row to learn from.
Rows prepare_rows(TrainContext& context, const TableSettings& settings, double validation_fraction);

// The rows to test the model of an earlier run on, as its `test`: where the file is the one it
// learnt from, those it was tested on, else all there are. `is_other` says which. Columns are put
// in the model's order. Throws Error(invalid_parameter_value) for a column that is missing and for
// a class that the model does not know.
struct EarlierRows {
  Rows rows;
  bool is_other = false;
};
EarlierRows rows_to_evaluate(TrainContext& context, const TableSettings& settings);

// Every parameter by its name, as Python's clients write its value; `task` is logged when it is
// known what auto means.
template <class Settings>
void log_settings(TrainContext& context, const Settings& settings) {
  const Texts texts = texts_of(settings);
  for (const ParameterRow& row : rows_of<Settings>()) {
    const std::string& value = texts.at(row.name);
    if (row.kind == ParameterRow::Kind::flag) {
      context.log_param(row.name, value == "true");
    } else if (!value.empty() && row.name != "task") {
      context.log_param(row.name, value);
    }
  }
}

}  // namespace trainers::tabular
