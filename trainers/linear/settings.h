// What the trainers on LibTorch can be told about tables. Names and defaults are scikit-learn's
// where it has them.
#pragma once

#include "trainers/tabular/settings.h"

namespace trainers::linear {

inline constexpr std::array<std::string_view, 3> scaling_names{"standard", "minmax", "none"};
inline constexpr std::array<std::string_view, 3> activation_names{"relu", "tanh", "gelu"};

struct ScaledSettings : tabular::TableSettings {
  std::string scaling = "standard";

  static constexpr auto parameters() {
    using Own = ScaledSettings;
    return std::tuple_cat(
        tabular::TableSettings::parameters(),
        std::tuple{one_of("scaling", &Own::scaling, scaling_names,
                          "Of the columns, by the rows to learn from: mean 0 and deviation 1, from "
                          "0 to 1, or as they are; missing values become the column's mean")});
  }
};

struct RegressionSettings : ScaledSettings {
  double alpha = 0;

  static constexpr auto parameters() {
    using Own = RegressionSettings;
    return std::tuple_cat(
        ScaledSettings::parameters(),
        std::tuple{number("alpha", &Own::alpha, {0, 1e12},
                          "Pull of the coefficients to zero, squared (ridge); 0 is plain least "
                          "squares")});
  }
};

struct LogisticSettings : ScaledSettings {
  double regularization_c = 1;
  std::int64_t max_iter = 1000;
  double tol = 1e-8;

  static constexpr auto parameters() {
    using Own = LogisticSettings;
    return std::tuple_cat(
        ScaledSettings::parameters(),
        std::tuple{
            number("regularization_c", &Own::regularization_c, {0, 1e12, true},
                   "scikit-learn's C: the smaller, the more the coefficients are pulled to zero"),
            number("max_iter", &Own::max_iter, {1, 1'000'000}, "Steps of L-BFGS, at most"),
            number("tol", &Own::tol, {0, 1, true}, "The greatest slope at which it has arrived"),
        });
  }
};

struct NetworkSettings : ScaledSettings {
  std::string hidden = "64,32";
  std::string activation = "relu";
  double dropout = 0;
  std::int64_t batch_size = 64;
  std::int64_t epochs = 100;
  double learning_rate = 1e-3;
  double weight_decay = 0;
  std::int64_t patience = 10;
  double validation_fraction = 0.1;

  static constexpr auto parameters() {
    using Own = NetworkSettings;
    return std::tuple_cat(
        ScaledSettings::parameters(),
        std::tuple{
            text("hidden", &Own::hidden,
                 "Sizes of the hidden layers, separated by commas, up to 8 of up to 4096"),
            one_of("activation", &Own::activation, activation_names, "Behind each hidden layer"),
            number("dropout", &Own::dropout, {0, 0.9},
                   "Part of the hidden values left out in a step"),
            number("batch_size", &Own::batch_size, {1, 1'000'000}, "Rows of a step"),
            number("epochs", &Own::epochs, {1, 100'000}, "Rounds over all rows, at most"),
            number("learning_rate", &Own::learning_rate, {0, 10, true}, "Of AdamW"),
            number("weight_decay", &Own::weight_decay, {0, 100}, "Of AdamW"),
            number("patience", &Own::patience, {0, 100'000},
                   "Stop after so many epochs without a better validation, and keep the best; 0 "
                   "never stops and sets no rows aside"),
            number("validation_fraction", &Own::validation_fraction, {0, 0.9, true},
                   "Part of the training rows that early stopping watches"),
        });
  }
};

}  // namespace trainers::linear
