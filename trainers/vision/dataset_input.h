// Images as MLflow's pages show a run's inputs. No Torch.
#pragma once

#include <string>

#include "trainers/tracking_client.h"
#include "trainers/vision/images.h"

namespace trainers::vision {

// Some images of the set, as mlflow.data.from_numpy describes an array of pixels and their labels,
// with the set's name and source; `context` is what they were read for, "training". The digest is
// of pixels and labels as they are.
DatasetInput input_of(const Dataset& set, const Images& images, const std::string& context);

}  // namespace trainers::vision
