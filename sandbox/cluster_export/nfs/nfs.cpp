#include "sandbox/cluster_export/nfs/nfs.h"

#include "sandbox/cluster_export/manifests.h"

namespace sandbox::cluster_export {
namespace {

constexpr const char* volume_name = "airflow-logs-pv";
constexpr const char* claim_name = "airflow-logs-pvc";

std::string logs_directory(const Layout& layout) {
  return layout.nfs_root + "/airflow/logs";
}

// The empty class and the names on both sides bind the two to each other: a default StorageClass
// would otherwise take the claim.
std::vector<Tree> volume_and_claim(const Layout& layout) {
  const Tree size = map({{"storage", layout.nfs_storage}});
  Tree volume = object("v1", "PersistentVolume", metadata(layout, {volume_name, "", "airflow"}));
  add(volume,
      {{"spec",
        map({{"capacity", size},
             {"accessModes", list({"ReadWriteMany"})},
             {"persistentVolumeReclaimPolicy", "Retain"},
             {"storageClassName", ""},
             {"claimRef", map({{"name", claim_name}, {"namespace", layout.airflow_namespace}})},
             {"nfs", map({{"server", layout.nfs_server}, {"path", logs_directory(layout)}})}})}});
  Tree claim = object("v1", "PersistentVolumeClaim",
                      metadata(layout, {claim_name, layout.airflow_namespace, "airflow"}));
  add(claim, {{"spec", map({{"accessModes", list({"ReadWriteMany"})},
                            {"storageClassName", ""},
                            {"volumeName", volume_name},
                            {"resources", map({{"requests", size}})}})}});
  return {volume, claim};
}

}  // namespace

Files nfs_files(const Scene& scene) {
  const Layout& layout = scene.layout;
  Files files;
  files["setup-nfs.sh"] = {filled(own_file("nfs/setup-nfs.sh"),
                                  {{"root", layout.nfs_root}, {"cidr", layout.network_cidr}}),
                           true};
  files["airflow-logs-pv.yaml"] = {yaml_file(
      "Logs of Airflow on NFS. The claim's namespace has to be there.", volume_and_claim(layout))};
  files["README.md"] = {filled(own_file("nfs/README.md"), {{"server", layout.nfs_server},
                                                           {"namespace", layout.airflow_namespace},
                                                           {"logs", logs_directory(layout)}})};
  return files;
}

}  // namespace sandbox::cluster_export
