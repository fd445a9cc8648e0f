// What a training leaves in its run: metrics, predictions, the split, the importance of the columns
// and the model.
#pragma once

#include "trainers/tabular/rows.h"
#include "trainers/train_context.h"

namespace trainers::tabular {

// Also decides about the threshold: the tag deploy, and that nothing is registered below it.
void report(TrainContext& context,
            const Rows& rows,
            const Booster& booster,
            const TableSettings& settings);

}  // namespace trainers::tabular
