#include "sandbox/cluster_export/names.h"

#include <catch2/catch.hpp>

namespace sandbox::cluster_export {

TEST_CASE("every text becomes a DNS label", "[cluster_export]") {
  CHECK(dns_label("california-model") == "california-model");
  CHECK(dns_label("California Model_2") == "california-model-2");
  CHECK(dns_label("--a..b--") == "a-b");
  CHECK(dns_label("한국어").starts_with("x-"));
  CHECK(dns_label("") != "");
  for (const std::string& text : {std::string(300, 'x'), std::string("a b\nc"), std::string("'")}) {
    CHECK(is_dns_label(dns_label(text)));
    CHECK(is_dns_label(dns_label(text, 20), 20));
  }
  CHECK(dns_label(std::string(300, 'x')) != dns_label(std::string(301, 'x')));
}

TEST_CASE("texts that become one label are told apart, in whatever order", "[cluster_export]") {
  const auto labels = dns_labels({"My_Model", "my-model", "My Model", "other"});
  CHECK(labels[1] == "my-model");
  CHECK(labels[0] != labels[2]);
  CHECK(labels[0].starts_with("my-model-"));
  CHECK(labels[3] == "other");
  const auto turned = dns_labels({"other", "My Model", "my-model", "My_Model"});
  CHECK(turned[1] == labels[2]);
  CHECK(turned[3] == labels[0]);
}

TEST_CASE("images have to be pinned", "[cluster_export]") {
  CHECK(is_pinned_image("ghcr.io/mlflow/mlflow:v3.17.2-full"));
  CHECK(is_pinned_image("localhost:5000/trainer:1.0"));
  CHECK(is_pinned_image("postgres@sha256:" + std::string(64, 'a')));
  CHECK_FALSE(is_pinned_image("postgres"));
  CHECK_FALSE(is_pinned_image("postgres:latest"));
  CHECK_FALSE(is_pinned_image("localhost:5000/trainer"));
  CHECK_FALSE(is_pinned_image("postgres:16\nimage: evil:1"));
  CHECK_FALSE(is_pinned_image("a:$(id)"));
}

TEST_CASE("quantities, hosts, buckets and names of SQL are what the targets take",
          "[cluster_export]") {
  CHECK(is_quantity("10Gi"));
  CHECK_FALSE(is_quantity("10"));
  CHECK_FALSE(is_quantity("Gi"));
  CHECK(is_host_name("mlflow.example.org"));
  CHECK(is_host_name("192.168.18.141"));
  CHECK_FALSE(is_host_name("a..b"));
  CHECK_FALSE(is_host_name("a b"));
  CHECK(is_bucket_name("mlflow-artifacts-keonho"));
  CHECK_FALSE(is_bucket_name("My_Bucket"));
  CHECK(is_sql_name("mlflow_db"));
  CHECK_FALSE(is_sql_name("mlflow-db"));
  CHECK_FALSE(is_sql_name("1db"));
}

}  // namespace sandbox::cluster_export
