// The trainers on LibTorch for tables. Each logs its run whole, as trainer.h asks.
#pragma once

#include "trainers/linear/settings.h"
#include "trainers/train_context.h"

namespace trainers::linear {

// Least squares or ridge, solved exactly.
void train_regression(TrainContext& context, const RegressionSettings& settings);
// scikit-learn's LogisticRegression.
void train_logistic(TrainContext& context, const LogisticSettings& settings);
// A network with hidden layers, for numbers and for classes.
void train_mlp(TrainContext& context, const NetworkSettings& settings);
// Of all: scores of the model of an earlier run, written into it.
void evaluate(TrainContext& context, const tabular::TableSettings& settings);

}  // namespace trainers::linear
