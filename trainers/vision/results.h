// What a training leaves in its run: the model and, where they were asked for, its smaller ones.
#pragma once

#include "trainers/train_context.h"
#include "trainers/vision/images.h"
#include "trainers/vision/models.h"
#include "trainers/vision/pruning.h"
#include "trainers/vision/settings.h"

namespace trainers::vision {

// The network's weights, and as MLflow's model folder. Logs model_size_bytes, the size of the
// folder's TorchScript. It becomes the model that --register means.
void log_model(TrainContext& context,
               const VisionSettings& settings,
               const Dataset& set,
               const Network& network);

// The pruned network beside it: its weights, compressed, and a model folder of its own. Logs
// pruned_test_accuracy, sparsity and what compression makes of both files of weights.
void log_pruned(TrainContext& context,
                const VisionSettings& settings,
                const Dataset& set,
                Network& network,
                const Pruning& pruning);

// The network in 8 bits as a model folder of its own. Logs quantized_test_accuracy, which the
// written file has on the processor, and quantized_model_size_bytes.
void log_quantized(TrainContext& context,
                   const VisionSettings& settings,
                   const Dataset& set,
                   const Network& network);

}  // namespace trainers::vision
