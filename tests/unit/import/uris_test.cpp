#include "sandbox/import/uris.h"

#include <catch2/catch.hpp>

using namespace sandbox::import;  // NOLINT(google-build-using-namespace): a test of these

TEST_CASE("what lies below a root that moved moves with it, the longest root deciding",
          "[import]") {
  UriMap uris;
  uris.add("file:///old/mlruns/1/", "mlflow-artifacts:/7");
  uris.add("file:///old/mlruns/1/r2", "s3://kept/r2");
  CHECK(uris.find("file:///old/mlruns/1") == "mlflow-artifacts:/7");
  CHECK(uris.find("file:///old/mlruns/1/") == "mlflow-artifacts:/7/");
  CHECK(uris.find("file:///old/mlruns/1/r1/artifacts") == "mlflow-artifacts:/7/r1/artifacts");
  CHECK(uris.find("file:///old/mlruns/1/r2/artifacts/m") == "s3://kept/r2/artifacts/m");
  CHECK_FALSE(uris.find("file:///old/mlruns/11/r1"));
  CHECK_FALSE(uris.find("file:///old/mlruns"));
  CHECK_FALSE(uris.find(""));
}

TEST_CASE("the root of a scheme is a root too", "[import]") {
  UriMap uris;
  uris.add("mlflow-artifacts:/", "mlflow-artifacts:/old");
  CHECK(uris.find("mlflow-artifacts:/1/r") == std::nullopt);
  uris.add("s3://bucket", "mlflow-artifacts:/0");
  CHECK(uris.find("s3://bucket/1/r") == "mlflow-artifacts:/0/1/r");
  CHECK_FALSE(uris.find("s3://bucket2/1"));
}

TEST_CASE("URIs inside JSON are found, and nothing else is touched", "[import]") {
  UriMap uris;
  uris.add("/old/1", "mlflow-artifacts:/1");
  CHECK(uris.rewrite("/old/1/x") == "mlflow-artifacts:/1/x");
  CHECK(uris.rewrite(R"({"uri": "/old/1/a.csv", "b": ["/old/1", "/old/2", 3]})") ==
        R"({"uri": "mlflow-artifacts:/1/a.csv", "b": ["mlflow-artifacts:/1", "/old/2", 3]})");
  CHECK_FALSE(uris.rewrite(R"({"text": "see /old/1/a", "esc": "\"/old/1"})"));
  CHECK_FALSE(uris.rewrite(R"({"open": "/old/1)"));
  CHECK_FALSE(uris.rewrite(""));
}

TEST_CASE("local artifact URIs are paths", "[import]") {
  CHECK(local_path("/a/b", "/here") == "/a/b");
  CHECK(local_path("./mlruns/0", "/here") == "/here/mlruns/0");
  CHECK(local_path("mlruns/0", "/here") == "/here/mlruns/0");
  CHECK(local_path("file:///a%20b/c", "/") == "/a b/c");
  CHECK(local_path("file://localhost/a", "/") == "/a");
  CHECK(local_path("file:/a", "/") == "/a");
  CHECK_FALSE(local_path("file://other/a", "/"));
  CHECK_FALSE(local_path("s3://bucket/a", "/"));
  CHECK_FALSE(local_path("mlflow-artifacts:/1", "/"));
  CHECK_FALSE(local_path("", "/"));
}

TEST_CASE("URIs through a server's proxy are paths below its root", "[import]") {
  CHECK(proxied_path("mlflow-artifacts:/1/r/artifacts") == "1/r/artifacts");
  CHECK(proxied_path("mlflow-artifacts://host:5000/1/r") == "1/r");
  CHECK(proxied_path("mlflow-artifacts:/") == "");
  CHECK(proxied_path("http://h:5000/api/2.0/mlflow-artifacts/artifacts/1/r/") == "1/r");
  CHECK_FALSE(proxied_path("http://h:5000/other/1/r"));
  CHECK_FALSE(proxied_path("s3://bucket/1"));
}
