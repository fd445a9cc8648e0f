// The parts that Kubernetes manifests of all targets are made of. Source of the rules: Kubernetes'
// API reference and the restricted profile of its Pod Security Standards.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/cluster_export/layout.h"
#include "sandbox/cluster_export/tree.h"

namespace sandbox::cluster_export {

// An object's name, where it lives, and the label `app` of its pods.
struct Named {
  std::string name;
  std::string name_space;
  std::string app;
};

// `app`, and what says that it belongs to this installation.
Tree labels(const Layout& layout, const std::string& app);
Tree selector(const std::string& app);
Tree metadata(const Layout& layout, const Named& named);
// {apiVersion, kind, metadata, …}
Tree object(const char* api_version, const char* kind, Tree metadata);

// A namespace under the restricted profile.
Tree namespace_object(const Layout& layout, const std::string& name);
Tree service_account(const Layout& layout, const Named& named);

// Of pods and of containers under the restricted profile.
Tree pod_security(int user_id);
Tree container_security();

// Kubernetes puts a variable in place of $(NAME) in commands and values; "$$(" is a plain "$(".
std::string without_expansion(std::string_view text);
Tree env(std::string_view name, std::string_view value);
Tree env_of_secret(std::string_view name, const std::string& secret, std::string_view key);
Tree env_of_config(std::string_view name, const std::string& config_map, std::string_view key);

// Quantities as Kubernetes writes them; "" leaves one out.
struct Resources {
  std::string cpu;           // requested
  std::string memory;        // requested
  std::string memory_limit;  // and the limit
  std::string cpu_limit{};
};
Tree resources(const Resources& resources);

Tree http_probe(const char* path, const char* port, int period_s, int failures);
Tree exec_probe(const std::vector<std::string>& command, int period_s, int failures);

Tree empty_volume(const char* name);
Tree mount(const char* name, const char* path, bool read_only = false);
Tree claim_volume(const char* name, const std::string& claim);
Tree claim(const Layout& layout, const Named& named, const std::string& size);

struct Port {
  const char* name;
  std::int64_t port;
  std::int64_t node_port = 0;  // 0: inside the cluster only
};
Tree service(const Layout& layout, const Named& named, const std::vector<Port>& ports);

// One pod may be away while nodes are drained; with one replica a budget of one that must stay
// would block every drain.
Tree disruption_budget(const Layout& layout, const Named& named);

// Those of `app` in `name_space`; an empty app is every pod there.
struct Peer {
  std::string name_space;
  std::string app{};
};
struct Opening {
  std::vector<Peer> peers;  // empty: everywhere
  std::vector<std::int64_t> ports;
};
// Only what is listed comes in and goes out, and questions for names.
Tree network_policy(const Layout& layout,
                    const Named& named,
                    const std::vector<Opening>& ingress,
                    const std::vector<Opening>& egress);

}  // namespace sandbox::cluster_export
