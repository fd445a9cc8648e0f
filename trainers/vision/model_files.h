// Networks as files that Python's torch opens.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "trainers/vision/models.h"

namespace trainers::vision {

using NamedTensors = std::map<std::string, at::Tensor>;

// Parameters and buffers under torchvision's names; they share the network's memory.
NamedTensors state_of(const Network& network);

// A file that `torch.load(file, weights_only=True)` opens as a plain dict. It bears its name only
// once it is whole. Throws Error when it cannot be written.
void write_tensors(const NamedTensors& tensors, const std::filesystem::path& file);
// Such a file, or one that Python's torch.save made of a state_dict. Throws Error that names the
// file and what is wrong with it.
NamedTensors read_tensors(const std::filesystem::path& file);

// Puts the tensors into the network. Throws Error with the first name that is missing, left over
// or of another shape; those of the head may be, when `but_for_head`, and then stay as they are.
void load_state(Network& network, const NamedTensors& state, bool but_for_head = false);

}  // namespace trainers::vision
