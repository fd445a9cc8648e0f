#include "sandbox/cluster_export/manifests.h"

namespace sandbox::cluster_export {
namespace {

Tree peer_tree(const Peer& peer) {
  return map(
      {{"namespaceSelector",
        map({{"matchLabels", map({{"kubernetes.io/metadata.name", peer.name_space}})}})},
       {"podSelector", only_if(!peer.app.empty(), map({{"matchLabels", selector(peer.app)}}))}});
}

Tree opening_tree(const Opening& opening, const char* direction) {
  Tree peers = list(std::vector<Tree>{});
  for (const Peer& peer : opening.peers) append(peers, peer_tree(peer));
  Tree ports = list(std::vector<Tree>{});
  for (const std::int64_t port : opening.ports) {
    append(ports, map({{"protocol", "TCP"}, {"port", port}}));
  }
  return map({{direction, only_if(!opening.peers.empty(), peers)}, {"ports", ports}});
}

Tree name_questions() {
  return map(
      {{"to",
        list({map({{"namespaceSelector", Tree::object()},
                   {"podSelector", map({{"matchLabels", map({{"k8s-app", "kube-dns"}})}})}})})},
       {"ports", list({map({{"protocol", "UDP"}, {"port", 53}}),
                       map({{"protocol", "TCP"}, {"port", 53}})})}});
}

}  // namespace

Tree labels(const Layout& layout, const std::string& app) {
  return map({{"app", app}, {"app.kubernetes.io/part-of", layout.project}});
}

Tree selector(const std::string& app) {
  return map({{"app", app}});
}

Tree metadata(const Layout& layout, const Named& named) {
  return map({{"name", named.name},
              {"namespace", only_if(!named.name_space.empty(), named.name_space)},
              {"labels", labels(layout, named.app)}});
}

Tree object(const char* api_version, const char* kind, Tree metadata) {
  return map({{"apiVersion", api_version}, {"kind", kind}, {"metadata", std::move(metadata)}});
}

Tree namespace_object(const Layout& layout, const std::string& name) {
  Tree all = map({{"app.kubernetes.io/part-of", layout.project}});
  for (const char* mode : {"enforce", "warn"}) {
    all.set("pod-security.kubernetes.io/" + std::string(mode), Tree::of("restricted"));
  }
  return object("v1", "Namespace", map({{"name", name}, {"labels", all}}));
}

Tree service_account(const Layout& layout, const Named& named) {
  Tree account = object("v1", "ServiceAccount", metadata(layout, named));
  add(account, {{"automountServiceAccountToken", false}});
  return account;
}

Tree pod_security(int user_id) {
  return map({{"runAsNonRoot", true},
              {"runAsUser", user_id},
              {"runAsGroup", user_id},
              {"fsGroup", user_id},
              {"fsGroupChangePolicy", "OnRootMismatch"},
              {"seccompProfile", map({{"type", "RuntimeDefault"}})}});
}

Tree container_security() {
  return map({{"allowPrivilegeEscalation", false},
              {"readOnlyRootFilesystem", true},
              {"capabilities", map({{"drop", list({"ALL"})}})}});
}

std::string without_expansion(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '(') out += '$';
  }
  return out;
}

Tree env(std::string_view name, std::string_view value) {
  return map({{"name", name}, {"value", value}});
}

Tree env_of_secret(std::string_view name, const std::string& secret, std::string_view key) {
  return map({{"name", name},
              {"valueFrom", map({{"secretKeyRef", map({{"name", secret}, {"key", key}})}})}});
}

Tree env_of_config(std::string_view name, const std::string& config_map, std::string_view key) {
  return map(
      {{"name", name},
       {"valueFrom", map({{"configMapKeyRef", map({{"name", config_map}, {"key", key}})}})}});
}

Tree resources(const Resources& wanted) {
  const auto quantity = [](const std::string& text) { return only_if(!text.empty(), text); };
  return map(
      {{"requests", map({{"cpu", quantity(wanted.cpu)}, {"memory", quantity(wanted.memory)}})},
       {"limits",
        map({{"cpu", quantity(wanted.cpu_limit)}, {"memory", quantity(wanted.memory_limit)}})}});
}

Tree http_probe(const char* path, const char* port, int period_s, int failures) {
  return map({{"httpGet", map({{"path", path}, {"port", port}})},
              {"periodSeconds", period_s},
              {"timeoutSeconds", 5},
              {"failureThreshold", failures}});
}

Tree exec_probe(const std::vector<std::string>& command, int period_s, int failures) {
  return map({{"exec", map({{"command", list(command)}})},
              {"periodSeconds", period_s},
              {"timeoutSeconds", 5},
              {"failureThreshold", failures}});
}

Tree empty_volume(const char* name) {
  return map({{"name", name}, {"emptyDir", Tree::object()}});
}

Tree mount(const char* name, const char* path, bool read_only) {
  return map({{"name", name}, {"mountPath", path}, {"readOnly", only_if(read_only, true)}});
}

Tree claim_volume(const char* name, const std::string& claim) {
  return map({{"name", name}, {"persistentVolumeClaim", map({{"claimName", claim}})}});
}

Tree claim(const Layout& layout, const Named& named, const std::string& size) {
  Tree tree = object("v1", "PersistentVolumeClaim", metadata(layout, named));
  add(tree, {{"spec", map({{"accessModes", list({"ReadWriteOnce"})},
                           {"resources", map({{"requests", map({{"storage", size}})}})}})}});
  return tree;
}

Tree service(const Layout& layout, const Named& named, const std::vector<Port>& ports) {
  Tree listed = list(std::vector<Tree>{});
  bool is_on_nodes = false;
  for (const Port& port : ports) {
    append(listed, map({{"name", port.name},
                        {"port", port.port},
                        {"targetPort", port.name},
                        {"nodePort", only_if(port.node_port > 0, port.node_port)}}));
    is_on_nodes = is_on_nodes || port.node_port > 0;
  }
  Tree tree = object("v1", "Service", metadata(layout, named));
  add(tree, {{"spec", map({{"type", is_on_nodes ? "NodePort" : "ClusterIP"},
                           {"selector", selector(named.app)},
                           {"ports", listed}})}});
  return tree;
}

Tree disruption_budget(const Layout& layout, const Named& named) {
  Tree tree = object("policy/v1", "PodDisruptionBudget", metadata(layout, named));
  add(tree, {{"spec", map({{"maxUnavailable", 1},
                           {"selector", map({{"matchLabels", selector(named.app)}})}})}});
  return tree;
}

Tree network_policy(const Layout& layout,
                    const Named& named,
                    const std::vector<Opening>& ingress,
                    const std::vector<Opening>& egress) {
  Tree in = list(std::vector<Tree>{});
  for (const Opening& opening : ingress) append(in, opening_tree(opening, "from"));
  Tree out = list(std::vector<Tree>{});
  append(out, name_questions());
  for (const Opening& opening : egress) append(out, opening_tree(opening, "to"));
  Tree tree = object("networking.k8s.io/v1", "NetworkPolicy", metadata(layout, named));
  add(tree, {{"spec", map({{"podSelector", map({{"matchLabels", selector(named.app)}})},
                           {"policyTypes", list({"Ingress", "Egress"})},
                           {"ingress", in},
                           {"egress", out}})}});
  return tree;
}

}  // namespace sandbox::cluster_export
