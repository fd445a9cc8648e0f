// A network of several layers, trained step by step.
#pragma once

#include "trainers/linear/model.h"
#include "trainers/linear/settings.h"
#include "trainers/tabular/rows.h"
#include "trainers/train_context.h"

namespace trainers::linear {

// The sizes in "64,32". Throws Error(invalid_parameter_value) for what is none.
std::vector<std::int64_t> sizes_of(const std::string& hidden);

// Gives the model its layers, learnt from the rows, and logs metrics of each epoch. With validation
// rows they are those of the best epoch. False when the person stopped it. Throws Error for a batch
// larger than the data and when the loss is no number any more.
bool train_network(TrainContext& context,
                   const tabular::Rows& rows,
                   const NetworkSettings& settings,
                   Model& model);

}  // namespace trainers::linear
