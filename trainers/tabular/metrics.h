// How well predictions agree with the truth, by the definitions of scikit-learn's metrics.
#pragma once

#include <map>
#include <span>
#include <string>

namespace trainers::tabular {

// By name, without "train_" or "test_" before them.
using Scores = std::map<std::string, double>;

// r2, rmse and mae. r2 is NaN where the truth is the same everywhere.
Scores regression_scores(std::span<const double> truth, std::span<const float> predicted);

// accuracy and log_loss; of two classes f1 (of the second) and roc_auc, of more f1_macro.
// `truth` are indices of classes; `probabilities` one of the second class for each row where there
// are two, else one for each class, row after row. roc_auc is left out where only one class occurs.
Scores classification_scores(std::span<const double> truth,
                             std::span<const float> probabilities,
                             std::size_t classes);

double rmse(std::span<const double> truth, std::span<const float> predicted);
double log_loss(std::span<const double> truth,
                std::span<const float> probabilities,
                std::size_t classes);
// The area under the curve of true over false positives; ties count half.
double roc_auc(std::span<const double> truth, std::span<const float> probabilities);

// The most probable class of a row, the first of equals.
std::size_t predicted_class(std::span<const float> probabilities,
                            std::size_t row,
                            std::size_t classes);

}  // namespace trainers::tabular
