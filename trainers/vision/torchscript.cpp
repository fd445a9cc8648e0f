#include "trainers/vision/torchscript.h"

#include <optional>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/csrc/jit/passes/dead_code_elimination.h>
#include <torch/csrc/jit/serialization/export.h>
#include <torch/csrc/jit/serialization/import.h>

#include "sandbox/base/error.h"
#include "trainers/vision/careful_file.h"
#include "trainers/vision/model_files.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;
namespace jit = torch::jit;

namespace {

constexpr double greatest_int8 = 127;
constexpr const char* packed_name = "packed_weight";

// A TorchScript module with the network's tree of names and its tensors, and no methods yet.
jit::Module script_tree(const torch::nn::Module& module,
                        const std::shared_ptr<jit::CompilationUnit>& unit,
                        const std::string& name) {
  jit::Module script(c10::QualifiedName("__torch__." + name), unit, true);
  for (const auto& parameter : module.named_parameters(false)) {
    script.register_parameter(parameter.key(), parameter.value(), false);
  }
  for (const auto& buffer : module.named_buffers(false)) {
    script.register_parameter(buffer.key(), buffer.value(), true);
  }
  for (const auto& child : module.named_children()) {
    script.register_module(child.key(), script_tree(*child.value(), unit, "Layer"));
  }
  return script;
}

jit::Module script_of(const ScriptSource& source) {
  // A network of its own, so that the one in training keeps its place and mode.
  const std::shared_ptr<Network> copy = make_network(source.model_name, source.classes);
  load_state(*copy, state_of(source.network));
  copy->eval();
  for (at::Tensor& parameter : copy->parameters()) parameter.set_requires_grad(false);
  jit::Module script = script_tree(*copy, std::make_shared<jit::CompilationUnit>(), "Network");
  const auto forward = [&](jit::Stack inputs) -> jit::Stack {
    return {copy->forward(inputs.at(0).toTensor())};
  };
  const at::Tensor example = at::zeros({2, 3, source.height, source.width});
  const auto traced = jit::tracer::trace(
      {example}, forward, [](const torch::autograd::Variable&) { return std::string(); }, true,
      false, &script, {"images"});
  script.type()->addMethod(script._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*script.type()->name(), "forward"), traced.first->graph));
  script.eval();
  return script;
}

void write_script(const jit::Module& script, const fs::path& file) {
  CarefulFile out(file);
  jit::ExportModule(script, out.sink());
  out.end();
}

// Each output's weights on a scale of its own, from -127 to 127.
at::Tensor quantized(const at::Tensor& weight) {
  const at::Tensor lying = weight.contiguous();
  const at::Tensor greatest = std::get<0>(lying.abs().reshape({lying.size(0), -1}).max(1));
  const at::Tensor scales = greatest.to(at::kDouble).div_(greatest_int8).clamp_min_(1e-12);
  return at::quantize_per_channel(lying, scales, at::zeros({lying.size(0)}, at::kLong), 0,
                                  at::kQInt8);
}

c10::IValue packed(const at::Tensor& weight, const c10::IValue& bias) {
  jit::Stack stack{quantized(weight), bias};
  c10::Dispatcher::singleton().findSchemaOrThrow("quantized::linear_prepack", "").callBoxed(&stack);
  return stack.back();
}

// What a value of the graph stands for: the module, or one of its parts.
jit::Module module_of(const jit::Module& script, const jit::Value* value) {
  const jit::Node* node = value->node();
  if (node->kind() != c10::prim::GetAttr) return script;  // forward's own `self`
  return module_of(script, node->input()).attr(node->s(c10::attr::name)).toModule();
}

bool is_weight(const jit::Node* node) {
  return node->kind() == c10::prim::GetAttr && node->s(c10::attr::name) == "weight" &&
         node->output()->type()->isSubtypeOf(*c10::TensorType::get());
}

void remove_attribute(const jit::Module& module, const std::string& name) {
  module._ivalue()->unsafeRemoveAttr(name);  // finds its place by the type
  module.type()->unsafeRemoveAttribute(name);
}

// A linear layer, which Torch's versions record as linear(x, weight, bias) or as
// addmm(bias, x, t(weight)).
struct LinearNode {
  jit::Node* node = nullptr;
  jit::Value* input = nullptr;
  jit::Value* weight = nullptr;
};
std::optional<LinearNode> as_linear(jit::Node* node) {
  if (node->kind() == c10::aten::linear) return LinearNode{node, node->input(0), node->input(1)};
  if (node->kind() != c10::aten::addmm) return std::nullopt;
  jit::Node* turned = node->input(2)->node();
  if (turned->kind() != c10::aten::t) return std::nullopt;
  return LinearNode{node, node->input(1), turned->input()};
}

// It becomes linear_dynamic(x, packed). Answers the layer, which needs weight and bias no more.
jit::Module quantize_linear(const jit::Module& script,
                            jit::Graph& graph,
                            const LinearNode& linear) {
  jit::Node* node = linear.node;
  jit::Value* owner = linear.weight->node()->input();
  jit::Module layer = module_of(script, owner);
  const c10::IValue weight = packed(layer.attr("weight").toTensor(), layer.attr("bias"));
  layer.register_attribute(packed_name, weight.type(), weight);
  const jit::WithInsertPoint here(node);
  jit::Value* loaded = graph.insertGetAttr(owner, packed_name);
  // As Python's dynamic layers do: so that no sum of 16 bits overflows on older processors.
  constexpr bool reduce_range = true;
  jit::Value* answer = graph.insert(c10::Symbol::fromQualString("quantized::linear_dynamic"),
                                    {linear.input, loaded, reduce_range});
  node->output()->replaceAllUsesWith(answer);
  node->destroy();
  return layer;
}

// A convolution's weight lies in 8 bits and is used as floats.
void quantize_weight(const jit::Module& script, jit::Graph& graph, jit::Node* node) {
  jit::Module layer = module_of(script, node->input());
  const at::Tensor weight = layer.attr("weight").toTensor();
  constexpr int dimensions_of_convolutions = 4;
  if (weight.dim() != dimensions_of_convolutions) return;
  layer.setattr("weight", quantized(weight));
  jit::Value* lying = node->output();
  lying->setType(c10::TensorType::get());
  const jit::WithInsertPoint here(node->next());
  jit::Value* floats = graph.insert(c10::aten::dequantize, {lying});
  lying->replaceAllUsesAfterNodeWith(floats->node(), floats);
}

void quantize(const jit::Module& script) {
  const std::shared_ptr<jit::Graph> graph = script.get_method("forward").graph();
  const std::vector<jit::Node*> nodes(graph->nodes().begin(), graph->nodes().end());
  std::vector<jit::Module> linear_layers;
  for (jit::Node* node : nodes) {
    if (const auto linear = as_linear(node)) {
      linear_layers.push_back(quantize_linear(script, *graph, *linear));
    } else if (is_weight(node)) {
      quantize_weight(script, *graph, node);
    }
  }
  if (linear_layers.empty()) {
    throw Error(Code::internal_error, "The recorded network has no linear layer to quantize.");
  }
  jit::EliminateDeadCode(graph);
  for (const jit::Module& layer : linear_layers) {
    remove_attribute(layer, "weight");
    remove_attribute(layer, "bias");
  }
}

class ScriptedNetwork : public Network {
 public:
  explicit ScriptedNetwork(jit::Module script) : script_(std::move(script)) {}
  torch::Tensor forward(const torch::Tensor& images) override {
    return script_.forward({images}).toTensor();
  }
  [[nodiscard]] std::string head() const override { return ""; }

 private:
  jit::Module script_;
};

}  // namespace

void write_torchscript(const ScriptSource& source, const fs::path& file) {
  const at::NoGradGuard no_grad;
  write_script(script_of(source), file);
}

void choose_quantized_engine() {
  if (at::globalContext().qEngine() != at::kNoQEngine) return;
  for (const at::QEngine engine : at::globalContext().supportedQEngines()) {
    if (engine == at::kNoQEngine) continue;
    at::globalContext().setQEngine(engine);
    return;
  }
  throw Error(Code::invalid_state,
              "This LibTorch was built without an engine for 8 bits (fbgemm, onednn or qnnpack). "
              "Leave out --quantize, or build with another LibTorch.");
}

void write_quantized_torchscript(const ScriptSource& source, const fs::path& file) {
  const at::NoGradGuard no_grad;
  choose_quantized_engine();
  const jit::Module script = script_of(source);
  quantize(script);
  write_script(script, file);
}

std::shared_ptr<Network> read_torchscript(const fs::path& file) {
  return std::make_shared<ScriptedNetwork>(jit::load(file.string(), at::Device(at::kCPU)));
}

}  // namespace trainers::vision
