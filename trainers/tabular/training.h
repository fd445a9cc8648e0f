// The trainers of the tabular family.
#pragma once

#include "trainers/tabular/settings.h"
#include "trainers/train_context.h"

namespace trainers::tabular {

// Many trees, each on its own part of the rows and columns, and their mean: XGBoost's forest mode.
void train_forest(TrainContext& context, const ForestSettings& settings);

// Trees one after another, each on what those before it left over, with metrics for every round.
void train_boosting(TrainContext& context, const BoostingSettings& settings);

// Of both: scores of the model of an earlier run, written into it.
void evaluate(TrainContext& context, const TableSettings& settings);

}  // namespace trainers::tabular
