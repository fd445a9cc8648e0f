// Trains a network on images and writes everything about it into the run.
#pragma once

#include "trainers/train_context.h"
#include "trainers/vision/settings.h"

namespace trainers::vision {

void train(TrainContext& context, const VisionSettings& settings);

// Tests the model of an earlier run on the test images and writes the metrics back.
void evaluate(TrainContext& context, const VisionSettings& settings);

}  // namespace trainers::vision
