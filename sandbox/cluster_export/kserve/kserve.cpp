#include "sandbox/cluster_export/kserve/kserve.h"

#include <algorithm>
#include <set>

#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/base/text.h"
#include "sandbox/cluster_export/manifests.h"
#include "sandbox/cluster_export/names.h"
#include "sandbox/cluster_export/secrets.h"

// Source of the rules: KServe 0.20, its CRDs, admission checks and the runtimes it comes with.
namespace sandbox::cluster_export {
namespace {

constexpr const char* group = "serving.kserve.io/";
constexpr const char* storage_secret = "kserve-storage";

struct Format {
  const char* name = "";  // "" where no runtime could load it
  const char* protocol = "";
};

// A model and what of it is served.
struct Served {
  const LabModel* model = nullptr;
  const LabModelVersion* stable = nullptr;
  const LabModelVersion* canary = nullptr;  // null where the stable one is the newest
  std::string name;
};

bool has_flavor(const LabModelVersion& version, std::string_view flavor) {
  return std::find(version.flavors.begin(), version.flavors.end(), flavor) != version.flavors.end();
}

// The runtimes for one library load the only file with such an ending.
bool has_one_file(const LabModelVersion& version, const std::vector<std::string_view>& endings) {
  return std::count_if(version.files.begin(), version.files.end(), [&](const std::string& file) {
           return std::any_of(endings.begin(), endings.end(),
                              [&](std::string_view ending) { return file.ends_with(ending); });
         }) == 1;
}

Format format_of(const LabModelVersion& version) {
  if (version.bucket.empty()) return {};
  if (has_flavor(version, "sklearn") && has_one_file(version, {".joblib", ".pkl", ".pickle"})) {
    return {"sklearn", "v1"};
  }
  if (has_flavor(version, "xgboost") && has_one_file(version, {".bst", ".json", ".ubj"})) {
    return {"xgboost", "v1"};
  }
  return has_flavor(version, "python_function") ? Format{"mlflow", "v2"} : Format{};
}

bool can_serve(const LabModelVersion& version) {
  return format_of(version).name[0] != '\0';
}

// champion, else the newest one that can be served.
const LabModelVersion* stable_of(const LabModel& model) {
  const LabModelVersion* newest = nullptr;
  for (const LabModelVersion& version : model.versions) {
    if (!can_serve(version)) continue;
    const auto& aliases = version.aliases;
    if (std::find(aliases.begin(), aliases.end(), "champion") != aliases.end()) return &version;
    if (newest == nullptr) newest = &version;
  }
  return newest;
}

// Hosts are called NAME-predictor-NAMESPACE, which is one label.
std::size_t name_max(const Layout& layout) {
  constexpr std::size_t around = std::string_view("-predictor-").size();
  constexpr std::size_t least = 16;
  constexpr std::size_t most = 40;  // revisions add digits
  const std::size_t used = around + layout.serving_namespace.size();
  return std::clamp(dns_label_max - std::min(dns_label_max, used), least, most);
}

// What becomes a label: KServe's names begin with a letter.
std::string text_of_name(const std::string& model) {
  return (dns_label(model)[0] >= 'a' ? "" : "model ") + model;
}

std::vector<Served> served_models(const Scene& scene) {
  std::vector<Served> all;
  std::vector<std::string> names;
  for (const LabModel& model : scene.lab.models) {
    const LabModelVersion* stable = stable_of(model);
    if (stable == nullptr) continue;
    const LabModelVersion& newest = model.versions.front();
    all.push_back({&model, stable, can_serve(newest) && &newest != stable ? &newest : nullptr, {}});
    names.push_back(text_of_name(model.name));
  }
  const std::vector<std::string> labels = dns_labels(names, name_max(scene.layout));
  for (std::size_t i = 0; i < all.size(); ++i) all[i].name = labels[i];
  return all;
}

// Where the files are on the target; the artifacts' bucket is called as the layout says.
std::string storage_uri(const Scene& scene, const LabModelVersion& version) {
  const std::string old = artifacts::parse_s3_uri(scene.lab.artifacts_destination).bucket;
  const std::string& bucket = version.bucket == old ? scene.layout.bucket : version.bucket;
  return "s3://" + bucket + "/" + version.key;
}

Tree model_tree(const Scene& scene, const LabModelVersion& version) {
  const Format format = format_of(version);
  Tree security = container_security();
  security.set("readOnlyRootFilesystem", Tree::of(false));  // servers unpack what they need
  add(security, {{"runAsNonRoot", true}, {"seccompProfile", map({{"type", "RuntimeDefault"}})}});
  return map({{"modelFormat", map({{"name", format.name}})},
              {"protocolVersion", format.protocol},
              {"storageUri", storage_uri(scene, version)},
              {"securityContext", security},
              {"resources", resources({"250m", "1Gi", "2Gi", "1"})}});
}

Tree predictor(const Scene& scene, const LabModelVersion& version) {
  return map({{"minReplicas", 1},
              {"serviceAccountName", scene.layout.serving_account},
              {"automountServiceAccountToken", false},
              {"model", model_tree(scene, version)}});
}

// Beside a stable one. Its name becomes a part of its Deployment's; the CRD wants the container's
// name too, which it leaves out elsewhere.
Tree second_predictor(const Scene& scene, const LabModelVersion& version) {
  Tree tree = map({{"name", "v" + std::to_string(version.version)}});
  Tree model = map({{"name", "kserve-container"}});
  model.update(model_tree(scene, version));
  tree.update(predictor(scene, version));
  tree.set("model", model);
  return tree;
}

bool is_serverless(const Layout& layout) {
  return layout.serving_mode == "Serverless";
}

// Metadata says which version gets the requests that are not the canary's.
Tree service_object(const Scene& scene, const Served& served, const LabModelVersion& version) {
  const Layout& layout = scene.layout;
  Tree about = metadata(layout, {served.name, layout.serving_namespace, served.name});
  Tree notes = map({{"mlops-sandbox/model", served.model->name},
                    {"mlops-sandbox/version", std::to_string(version.version)}});
  notes.set(group + std::string("deploymentMode"),
            Tree::of(is_serverless(layout) ? "Serverless" : "Standard"));
  about.set("annotations", notes);
  return object("serving.kserve.io/v1beta1", "InferenceService", about);
}

std::string version_text(const LabModelVersion& version) {
  return "Version " + std::to_string(version.version) +
         (version.aliases.empty() ? "" : ", " + python_repr(version.aliases));
}

File stable_file(const Scene& scene, const Served& served) {
  Tree service = service_object(scene, served, *served.stable);
  add(service, {{"spec", map({{"predictor", predictor(scene, *served.stable)}})}});
  std::string about = version_text(*served.stable) + ", for all requests.";
  if (!is_serverless(scene.layout)) {
    about += "\nKServe before 0.16 calls the mode Standard RawDeployment.";
  }
  return {yaml_file(about, {service})};
}

// Knative splits between the revision that is there and this one; without Knative both stand here.
File canary_file(const Scene& scene, const Served& served) {
  const Layout& layout = scene.layout;
  const std::string share = std::to_string(layout.canary_percent);
  std::string about = version_text(*served.canary) + ", for " + share + " % of the requests. ";
  if (is_serverless(layout)) {
    Tree service = service_object(scene, served, *served.canary);
    Tree tree = predictor(scene, *served.canary);
    add(tree, {{"canaryTrafficPercent", layout.canary_percent}});
    add(service, {{"spec", map({{"predictor", tree}})}});
    about +=
        "Apply stable.yaml first and wait until it\nis ready: the first one that is applied "
        "gets every request, whatever the percentage says.";
    return {yaml_file(about, {service})};
  }
  const Tree tree = second_predictor(scene, *served.canary);
  Tree service = service_object(scene, served, *served.stable);
  add(service, {{"spec", map({{"predictor", predictor(scene, *served.stable)},
                              {"canary", list({map({{"trafficPercent", layout.canary_percent},
                                                    {"predictor", tree}})})}})}});
  about +=
      "Wants KServe 0.20 or newer with the\nGateway API; an older one has canaries in the "
      "mode Serverless only.";
  return {yaml_file(about, {service})};
}

// Tokens are not switched off here: the account may be one that pipelines run under.
Tree account(const Layout& layout) {
  const std::string& name = layout.serving_account;
  Tree tree =
      object("v1", "ServiceAccount", metadata(layout, {name, layout.serving_namespace, name}));
  add(tree, {{"secrets", list({map({{"name", storage_secret}})})}});
  return tree;
}

// Who runs pipelines and jobs may deploy, in the namespace of the models (S2-33, S2-34).
std::vector<Tree> rbac(const Layout& layout) {
  constexpr const char* authorization = "rbac.authorization.k8s.io";
  Tree role = object("rbac.authorization.k8s.io/v1", "ClusterRole",
                     metadata(layout, {"kserve-admin", "", "kserve"}));
  add(role, {{"rules", list({map({{"apiGroups", list({"serving.kserve.io"})},
                                  {"resources", list({"inferenceservices"})},
                                  {"verbs", list({"*"})}})})}});
  Tree binding = object("rbac.authorization.k8s.io/v1", "RoleBinding",
                        metadata(layout, {"kserve-access", layout.serving_namespace, "kserve"}));
  add(binding,
      {{"roleRef",
        map({{"apiGroup", authorization}, {"kind", "ClusterRole"}, {"name", "kserve-admin"}})},
       {"subjects", list({map({{"kind", "ServiceAccount"},
                               {"name", layout.deployer_account},
                               {"namespace", layout.jobs_namespace}})})}});
  return {role, binding};
}

// NAME='VALUE' …, as KServe's downloader of files reads them from the Secret.
std::string storage_annotations(const Layout& layout) {
  std::string address = objects_address(layout);
  const bool is_https = !address.starts_with("http://");
  if (const auto slashes = address.find("://"); slashes != address.npos) {
    address.erase(0, slashes + 3);
  }
  if (address.ends_with('/')) address.pop_back();
  if (address.empty()) address = "s3." + layout.objects_region + ".amazonaws.com";
  std::string words;
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"s3-endpoint", address},
                                                        {"s3-usehttps", is_https ? "1" : "0"},
                                                        {"s3-region", layout.objects_region}}) {
    words += " \\\n    " + shell_word(group + name + "=" + value);
  }
  return words;
}

Secrets secrets_of_storage(const Layout& layout) {
  Secrets all;
  all.needed = {{"S3_ACCESS_KEY", "access key that may read the models"},
                {"S3_SECRET_KEY", "its secret key"}};
  all.annotated =
      filled(own_file("kserve/annotated.sh"), {{"annotations", storage_annotations(layout)}});
  all.secrets = {
      {storage_secret,
       {layout.serving_namespace},
       {{"AWS_ACCESS_KEY_ID", "$S3_ACCESS_KEY"}, {"AWS_SECRET_ACCESS_KEY", "$S3_SECRET_KEY"}}}};
  return all;
}

// One line of a table, whatever is in the name.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : python_quoted(text)) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string rows(const std::vector<Served>& all) {
  std::string out;
  for (const Served& served : all) {
    const Format format = format_of(*served.stable);
    out += "| " + cell(served.model->name) + " | `" + served.name + "` | " +
           std::to_string(served.stable->version) + " | " + format.name + ", " + format.protocol +
           " | " +
           (served.canary == nullptr ? std::string("") : std::to_string(served.canary->version)) +
           " |\n";
  }
  return out.empty() ? "| none | | | | |\n" : out;
}

std::string left_out(const Lab& lab) {
  std::string out;
  for (const LabModel& model : lab.models) {
    if (stable_of(model) == nullptr) {
      out += "- " + cell(model.name) +
             ": no version has files with an MLmodel that says how\n"
             "  Python loads it.\n";
    }
  }
  return out.empty() ? "" : "\nLeft out:\n\n" + out;
}

}  // namespace

std::string service_name(const Scene& scene, const std::string& model) {
  for (const Served& served : served_models(scene)) {
    if (served.model->name == model) return served.name;
  }
  return dns_label(text_of_name(model), name_max(scene.layout));
}

Files kserve_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  const std::vector<Served> all = served_models(scene);
  Files files;
  for (const Served& served : all) {
    const std::string folder = "models/" + served.name + "/";
    files[folder + "stable.yaml"] = stable_file(scene, served);
    if (served.canary != nullptr) files[folder + "canary.yaml"] = canary_file(scene, served);
  }
  files["account.yaml"] = {
      yaml_file("Brings the keys of make-secrets.sh to the models.", {account(layout)})};
  files["rbac.yaml"] = {
      yaml_file("Lets jobs and pipelines deploy models in this namespace.", rbac(layout))};
  files["make-secrets.sh"] = {secrets_script(secrets_of_storage(layout)), true};
  files["README.md"] = {
      filled(own_file("kserve/README.md"), {{"rows", rows(all)},
                                            {"left_out", left_out(scene.lab)},
                                            {"namespace", layout.serving_namespace},
                                            {"name", all.empty() ? "NAME" : all.front().name}})};
  return files;
}

}  // namespace sandbox::cluster_export
