#include "sandbox/cluster_export/kfp/kfp.h"

#include "sandbox/base/error.h"
#include "sandbox/base/yaml.h"
#include "sandbox/cluster_export/kserve/kserve.h"
#include "sandbox/cluster_export/manifests.h"

namespace sandbox::cluster_export {
namespace {

// The lab's first model and newest experiment, or the document's.
std::string model_name(const Lab& lab) {
  return lab.models.empty() ? "california-model" : lab.models.front().name;
}
std::string experiment_name(const Lab& lab) {
  return lab.experiments.size() < 2 ? "e2e-pipeline" : lab.experiments[1].name;
}

Tree parameters(const Scene& scene) {
  const Layout& layout = scene.layout;
  const std::string model = model_name(scene.lab);
  return map({{"data_source", "sklearn"},
              {"target", "MedHouseVal"},
              {"experiment_name", experiment_name(scene.lab)},
              {"model_name", model},
              {"namespace", layout.serving_namespace},
              {"service_name", service_name(scene, model)},
              {"service_account", layout.serving_account},
              {"n_estimators", 100},
              {"max_depth", 10},
              {"r2_threshold", 0.75},
              {"mlflow_tracking_uri", mlflow_address(layout)},
              {"artifacts_uri", artifacts_uri(scene.lab, layout)},
              {"s3_endpoint_url", objects_address(layout)}});
}

Tree& member(Tree& tree, std::string_view name) {
  for (auto& each : tree.members) {
    if (each.name == name) return each.value;
  }
  throw Error(Code::internal_error, "kfp/pipeline.yaml has no " + std::string(name));
}

Tree& at(Tree& tree, std::initializer_list<std::string_view> path) {
  Tree* found = &tree;
  for (const std::string_view name : path) found = &member(*found, name);
  return *found;
}

// The compiled pipeline with this lab's image and defaults: what pipeline.py compiles to with
// settings.json.
Tree compiled(const Scene& scene, std::string_view document) {
  Tree pipeline = read_yaml(document);
  for (auto& executor : at(pipeline, {"deploymentSpec", "executors"}).members) {
    at(executor.value, {"container"}).set("image", Tree::of(scene.layout.pipeline_image));
  }
  Tree& inputs = at(pipeline, {"root", "inputDefinitions", "parameters"});
  for (const auto& parameter : parameters(scene).members) {
    // Numbers stay as kfp wrote them.
    if (!parameter.value.is_text()) continue;
    at(inputs, {parameter.name}).set("defaultValue", parameter.value);
  }
  return pipeline;
}

// What only Kubernetes knows of: the Secret with the keys.
Tree platform(const Scene& scene, std::string_view document) {
  Tree tree = read_yaml(document);
  Tree& variables = at(tree, {"platforms", "kubernetes", "deploymentSpec", "executors",
                              "exec-load-data", "secretAsEnv"});
  const Tree name = Tree::of(scene.layout.objects_secret);
  for (Tree& one : variables.items) {
    one.set("secretName", name);
    at(one, {"secretNameParameter", "runtimeValue"}).set("constant", name);
  }
  return tree;
}

std::string pipeline_file(const Scene& scene) {
  const std::string_view text = own_file("kfp/pipeline.yaml");
  constexpr std::string_view mark = "\n---\n";
  const auto cut = text.find(mark);
  return yaml_file(
      "What pipeline.py compiles to.",
      {compiled(scene, text.substr(0, cut + 1)), platform(scene, text.substr(cut + mark.size()))});
}

}  // namespace

Files kfp_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  Files files;
  files["e2e_pipeline.yaml"] = {pipeline_file(scene)};
  files["pipeline.py"] = {std::string(own_file("kfp/pipeline.py"))};
  files["settings.json"] = {json_file(map({{"image", layout.pipeline_image},
                                           {"secret", layout.objects_secret},
                                           {"parameters", parameters(scene)}}))};
  files["requirements.txt"] = {
      filled(own_file("kfp/requirements.txt"), {{"mlflow", scene.lab.mlflow_version}})};
  files["Dockerfile"] = {std::string(own_file("kfp/Dockerfile"))};
  files["images.txt"] = {layout.pipeline_image + "\n"};
  files["README.md"] = {
      filled(own_file("kfp/README.md"), {{"image", layout.pipeline_image},
                                         {"namespace", layout.jobs_namespace},
                                         {"secret", layout.objects_secret},
                                         {"serving_namespace", layout.serving_namespace}})};
  return files;
}

}  // namespace sandbox::cluster_export
