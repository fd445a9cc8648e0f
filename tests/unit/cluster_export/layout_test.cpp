#include "sandbox/cluster_export/layout.h"

#include <catch2/catch.hpp>

#include "sample_labs.h"
#include "sandbox/base/error.h"

namespace sandbox::cluster_export {
namespace {

using Catch::Contains;

Layout layout_with(const std::string& name, const std::string& value) {
  return make_layout(course_lab(), "lab", {{name, value}});
}

}  // namespace

// The addresses that the documents' scripts have inside them.
TEST_CASE("presets have their documents' addresses: S0-13 S2-8 S4-22 S4-25", "[cluster_export]") {
  const Layout lab = make_layout(course_lab(), "lab", {});
  CHECK(mlflow_address(lab) == "http://mlflow-server-service.mlflow-system.svc.cluster.local:5000");
  CHECK(objects_address(lab) == "http://minio-service.kubeflow.svc.cluster.local:9000");
  const Layout docker = make_layout(course_lab(), "docker-desktop", {});
  CHECK(mlflow_address(docker) == "http://mlflow.monitoring.svc.cluster.local:5000");
  CHECK(objects_address(docker) == "http://minio.storage.svc.cluster.local:9000");
  CHECK(docker.mlflow_node_port == 30500);
  const Layout onprem = make_layout(course_lab(), "onprem", {});
  CHECK(objects_address(onprem).empty());
  CHECK(artifacts_uri(course_lab(), onprem) == "s3://mlflow-artifacts-keonho");
  CHECK(make_layout(course_lab(), "vision", {}).mlflow_host_port == 5001);
}

TEST_CASE("the image is of the version whose tables the lab has", "[cluster_export]") {
  CHECK(make_layout(course_lab(), "lab", {}).mlflow_image == "ghcr.io/mlflow/mlflow:v3.17.2-full");
}

TEST_CASE("the artifacts keep the lab's prefix, and buckets their names", "[cluster_export]") {
  Lab lab = course_lab();
  lab.artifacts_destination = "s3://mlflow/team/a";
  const Layout layout = make_layout(lab, "onprem", {});
  CHECK(artifacts_uri(lab, layout) == "s3://mlflow-artifacts-keonho/team/a");
  CHECK(bucket_names(lab, layout) ==
        std::vector<std::string>{"mlflow-artifacts-keonho", "mlflow-artifacts", "tables"});
}

TEST_CASE("a setting that cannot be is refused with its name and rule", "[cluster_export]") {
  CHECK_THROWS_WITH(layout_with("nonsense", "x"), Contains("nonsense"));
  CHECK_THROWS_WITH(layout_with("mlflow_namespace", "Monitoring"),
                    Contains("mlflow_namespace") && Contains("lower-case"));
  CHECK_THROWS_WITH(layout_with("mlflow_namespace", "a\nb"), Contains("mlflow_namespace"));
  CHECK_THROWS_WITH(layout_with("mlflow_image", "mlflow:latest"), Contains("latest"));
  CHECK_THROWS_WITH(layout_with("mlflow_port", "http"), Contains("whole number"));
  CHECK_THROWS_WITH(layout_with("mlflow_port", "70000"), Contains("65535"));
  CHECK_THROWS_WITH(layout_with("mlflow_node_port", "5000"), Contains("30000"));
  CHECK_THROWS_WITH(layout_with("database", "mysql"), Contains("in-cluster, external, sqlite"));
  CHECK_THROWS_WITH(layout_with("database_name", "x; DROP TABLE y"), Contains("database_name"));
  CHECK_THROWS_WITH(layout_with("objects_endpoint", "minio:9000"), Contains("URL"));
  CHECK_THROWS_WITH(make_layout(course_lab(), "nowhere", {}), Contains("docker-desktop"));
  CHECK_THROWS_WITH(make_layout(course_lab(), "docker-desktop", {{"mlflow_replicas", "2"}}),
                    Contains("a file has one server"));
  CHECK(layout_with("mlflow_namespace", "monitoring").mlflow_namespace == "monitoring");
}

TEST_CASE("the Host check lets every name of the Service pass, with a port too",
          "[cluster_export]") {
  const auto hosts = allowed_hosts(make_layout(course_lab(), "docker-desktop", {}));
  for (const char* name :
       {"mlflow", "mlflow:*", "mlflow.monitoring", "mlflow.monitoring.svc.cluster.local:*",
        "mlflow.example.org", "localhost:*", "10.*"}) {
    CHECK(std::find(hosts.begin(), hosts.end(), name) != hosts.end());
  }
}

}  // namespace sandbox::cluster_export
