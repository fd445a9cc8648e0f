#include "sandbox/cluster_export/fastapi/fastapi.h"

#include <algorithm>

#include "sandbox/base/text.h"
#include "sandbox/cluster_export/manifests.h"
#include "sandbox/cluster_export/secrets.h"
#include "sandbox/cluster_export/server.h"

namespace sandbox::cluster_export {
namespace {

constexpr int server_user = 10001;
constexpr int port = 8000;
constexpr const char* ingress_namespace = "ingress-nginx";

Named named(const Layout& layout) {
  return {layout.predict_name, layout.serving_namespace, layout.predict_name};
}

bool has_champion(const LabModel& model) {
  return std::any_of(model.versions.begin(), model.versions.end(), [](const auto& version) {
    return std::find(version.aliases.begin(), version.aliases.end(), "champion") !=
           version.aliases.end();
  });
}

// The first model with a champion, else the first one, else the document's.
std::string model_name(const Lab& lab) {
  const auto found = std::find_if(lab.models.begin(), lab.models.end(), has_champion);
  if (found != lab.models.end()) return found->name;
  return lab.models.empty() ? "california-model" : lab.models.front().name;
}

Tree variables(const Scene& scene) {
  Tree all = list({env("HOME", "/tmp"), env("MLFLOW_TRACKING_URI", mlflow_address(scene.layout)),
                   env("MODEL_NAME", without_expansion(model_name(scene.lab))),
                   env("MODEL_ALIAS", "champion")});
  add_login(scene, all);
  return all;
}

Tree deployment(const Scene& scene) {
  const Layout& layout = scene.layout;
  const Tree container =
      map({{"name", "server"},
           {"image", layout.predict_image},
           {"env", variables(scene)},
           {"ports", list({map({{"name", "http"}, {"containerPort", port}})})},
           // Loading a model may take minutes; the process itself answers at once.
           {"startupProbe", http_probe("/health", "http", 5, 24)},
           {"livenessProbe", http_probe("/health", "http", 10, 3)},
           {"readinessProbe", http_probe("/ready", "http", 5, 1)},
           {"securityContext", container_security()},
           {"resources", resources({"250m", "1Gi", "2Gi"})},
           {"volumeMounts", list({mount("tmp", "/tmp")})}});
  const Tree pod = map({{"automountServiceAccountToken", false},
                        {"securityContext", pod_security(server_user)},
                        {"containers", list({container})},
                        {"volumes", list({empty_volume("tmp")})}});
  Tree tree = object("apps/v1", "Deployment", metadata(layout, named(layout)));
  add(tree,
      {{"spec",
        map({{"replicas", 2},
             {"selector", map({{"matchLabels", selector(layout.predict_name)}})},
             {"template", map({{"metadata", map({{"labels", labels(layout, layout.predict_name)}})},
                               {"spec", pod}})}})}});
  return tree;
}

Tree ingress(const Layout& layout) {
  const Tree backend =
      map({{"service", map({{"name", layout.predict_name}, {"port", map({{"name", "http"}})}})}});
  const Tree path = map({{"path", "/"}, {"pathType", "Prefix"}, {"backend", backend}});
  Tree tree = object("networking.k8s.io/v1", "Ingress", metadata(layout, named(layout)));
  add(tree, {{"spec", map({{"ingressClassName", "nginx"},
                           {"rules", list({map({{"host", layout.predict_host},
                                                {"http", map({{"paths", list({path})}})}})})}})}});
  return tree;
}

std::string manifests(const Scene& scene) {
  const Layout& layout = scene.layout;
  return yaml_file("The predict service of FastAPI.",
                   {deployment(scene), service(layout, named(layout), {{"http", port}}),
                    ingress(layout), disruption_budget(layout, named(layout)),
                    network_policy(layout, named(layout),
                                   {{{{ingress_namespace}, {layout.serving_namespace}}, {port}}},
                                   {{{{layout.mlflow_namespace, layout.mlflow_name}}, {5000}}})});
}

// A name as one word of Markdown's text.
std::string one_line(const std::string& text) {
  std::string out = python_quoted(text, false);
  std::replace(out.begin(), out.end(), '`', '\'');
  return out.substr(1, out.size() - 2);
}

}  // namespace

Files fastapi_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  const std::string model = model_name(scene.lab);
  Files files;
  files["app.py"] = {std::string(own_file("fastapi/app.py"))};
  files["Dockerfile"] = {std::string(own_file("fastapi/Dockerfile"))};
  files["requirements.txt"] = {
      filled(own_file("fastapi/requirements.txt"), {{"mlflow", scene.lab.mlflow_version}})};
  files["service.yaml"] = {manifests(scene)};
  if (has_users(scene))
    files["make-secrets.sh"] = {secrets_script(login_for(layout.serving_namespace)), true};
  files["README.md"] = {filled(own_file("fastapi/README.md"),
                               {{"model", one_line(model)},
                                {"model_word", shell_word(one_line(model))},
                                {"image", layout.predict_image},
                                {"namespace", layout.serving_namespace},
                                {"secrets", has_users(scene) ? "    ./make-secrets.sh\n" : ""},
                                {"name", layout.predict_name},
                                {"host", layout.predict_host},
                                {"ingress_namespace", ingress_namespace}})};
  return files;
}

}  // namespace sandbox::cluster_export
