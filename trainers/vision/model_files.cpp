#include "trainers/vision/model_files.h"

#include <string_view>
#include <tuple>
#include <utility>

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/pickler.h>
#include <torch/csrc/jit/serialization/unpickler.h>

#include "sandbox/base/error.h"
#include "trainers/vision/careful_file.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;
namespace jit = torch::jit;

namespace {

// Torch's messages go on with a stack of its own functions.
std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

void write_zip(const c10::Dict<std::string, at::Tensor>& dict, const fs::path& file) {
  CarefulFile out(file);
  caffe2::serialize::PyTorchStreamWriter zip(out.sink());
  std::string pickled;
  // Without tags for types, which only TorchScript's own reader knows.
  jit::Pickler pickler([&](const char* bytes, std::size_t count) { pickled.append(bytes, count); },
                       nullptr, nullptr, nullptr, nullptr, false);
  pickler.protocol();
  pickler.pushIValue(dict);
  pickler.stop();
  std::size_t number = 0;
  for (const at::Tensor& tensor : pickler.tensorData()) {
    const jit::WriteableTensorData data = jit::getWriteableTensorData(tensor);
    zip.writeRecord("data/" + std::to_string(number++), data.data(), data.sizeInBytes());
  }
  zip.writeRecord("data.pkl", pickled.data(), pickled.size());
  zip.writeEndOfFile();
  out.end();
}

using std::string_view_literals::operator""sv;

// Python's state_dict is an OrderedDict with an attribute, _metadata; Torch's reader here knows
// neither. Both are written around: the pickle begins with the class, noted under 0 for later, an
// empty tuple and the call of the class with it, noted under 1. An empty dict takes the place of
// tuple and call; after all tensors are in it the pickle ends with the pair of class and dict.
// False where the pickle is of something else.
bool make_plain_dict(std::string& pickled) {
  constexpr std::string_view ordered =
      "\x80\x02"
      "ccollections\nOrderedDict\nq\x00)Rq\x01"sv;
  if (!pickled.starts_with(ordered)) return false;
  std::size_t end = pickled.rfind("X\x09\x00\x00\x00_metadata"sv);
  if (end == std::string::npos) {
    end = pickled.size() - 1;
  } else {
    // Before the name a dict of attributes is begun and noted under a number of one byte or of
    // four.
    end -= pickled[end - 3] == '}' ? 3 : 6;
  }
  pickled.resize(end);
  pickled += "\x86."sv;
  pickled.replace(ordered.size() - 4, 2, "}");
  return true;
}

c10::Dict<c10::IValue, c10::IValue> read_dict(const fs::path& file) {
  caffe2::serialize::PyTorchStreamReader zip(file.string());
  const auto record = zip.getRecord("data.pkl");
  std::string pickled(static_cast<const char*>(std::get<0>(record).get()), std::get<1>(record));
  const bool was_ordered = make_plain_dict(pickled);
  std::size_t at = 0;
  jit::Unpickler unpickler(
      [&](char* out, std::size_t max) {
        const std::size_t count = pickled.copy(out, max, at);
        at += count;
        return count;
      },
      nullptr, nullptr,
      [&](const std::string& name) {
        return std::move(std::get<0>(zip.getRecord("data/" + name)));
      },
      c10::nullopt);
  const c10::IValue value = unpickler.parse_ivalue();
  return was_ordered ? value.toTupleRef().elements().at(1).toGenericDict() : value.toGenericDict();
}

bool is_of(const std::string& name, const std::string& head) {
  return name.starts_with(head + ".");
}

}  // namespace

NamedTensors state_of(const Network& network) {
  NamedTensors state;
  for (const auto& parameter : network.named_parameters()) {
    state[parameter.key()] = parameter.value();
  }
  for (const auto& buffer : network.named_buffers()) state[buffer.key()] = buffer.value();
  return state;
}

void write_tensors(const NamedTensors& tensors, const fs::path& file) {
  c10::Dict<std::string, at::Tensor> dict;
  for (const auto& [name, tensor] : tensors) {
    // A copy of its own: neither another tensor's memory nor another order of its numbers.
    dict.insert(name, tensor.detach().to(at::kCPU).contiguous().clone());
  }
  write_zip(dict, file);
}

NamedTensors read_tensors(const fs::path& file) {
  if (!fs::is_regular_file(file)) {
    throw Error(Code::invalid_parameter_value, "There is no file " + file.string() + ".");
  }
  try {
    NamedTensors tensors;
    for (const auto& item : read_dict(file)) {
      if (item.value().isTensor()) tensors[item.key().toStringRef()] = item.value().toTensor();
    }
    return tensors;
  } catch (const c10::Error& error) {
    throw Error(Code::invalid_parameter_value,
                file.string() + " is no state_dict that can be read (" +
                    first_line(error.what_without_backtrace()) +
                    "). In Python: torch.save(model.state_dict(), file).");
  }
}

void load_state(Network& network, const NamedTensors& state, bool but_for_head) {
  const at::NoGradGuard no_grad;
  const std::string head = network.head();
  NamedTensors own = state_of(network);
  for (const auto& [name, tensor] : state) {
    if (!own.contains(name)) {
      throw Error(Code::invalid_parameter_value,
                  "The weights have a tensor " + name + ", which this network does not have.");
    }
  }
  for (auto& [name, tensor] : own) {
    const auto found = state.find(name);
    const bool fits = found != state.end() && found->second.sizes() == tensor.sizes();
    if (fits) {
      tensor.copy_(found->second);
    } else if (!but_for_head || !is_of(name, head)) {
      throw Error(Code::invalid_parameter_value,
                  "The weights do not fit this network: " + name +
                      (found == state.end() ? " is missing." : " has another shape."));
    }
  }
}

}  // namespace trainers::vision
