// How much the columns do for trees, as JSON and picture.
#pragma once

#include "trainers/tabular/booster.h"
#include "trainers/train_context.h"

namespace trainers::tabular {

// Logs feature_importance.json and .png.
void log_importance(TrainContext& context, const Booster& booster, const std::string& target);

}  // namespace trainers::tabular
