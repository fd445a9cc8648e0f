#include "sandbox/artifacts/artifact_location.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"

using namespace sandbox::artifacts;  // NOLINT(google-build-using-namespace): a test of it

namespace {

std::string located(const std::string& uri, const Location& destination = {"mlflow", ""}) {
  const Location place = locate(destination, uri);
  return place.bucket + "|" + place.key;
}

}  // namespace

TEST_CASE("paths that leave their directory are refused", "[artifacts]") {
  using namespace std::string_view_literals;
  for (const std::string_view path :
       {".."sv,          "../x"sv,          "a/../b"sv,       "a/.."sv,
        "%2e%2e/x"sv,    "a/%2e%2e/b"sv,    "%252e%252e/x"sv, "%25252e%25252e/x"sv,
        "/etc/passwd"sv, "%2Fetc/passwd"sv, "%252Fetc"sv,     "C:/x"sv,
        "c:%5Cx"sv,      "C:\\x"sv,         "a\\b"sv,         "a%5Cb"sv,
        "a#b"sv,         "a%23b"sv,         "a%2523b"sv,      "a\0b"sv,
        "a%00b"sv,       "a%2500b"sv,       "file:/tmp/x"sv,  "file:///tmp/x"sv,
        "bad\xFF"sv,     "bad%FF"sv}) {
    CAPTURE(path);
    CHECK_THROWS_WITH(safe_path(path), "Invalid path");
  }
}

TEST_CASE("harmless paths stay, decoded", "[artifacts]") {
  CHECK(safe_path("").empty());
  CHECK(safe_path("a/b.txt") == "a/b.txt");
  CHECK(safe_path("a..b/...") == "a..b/...");
  CHECK(safe_path("a%20b") == "a b");
  CHECK(safe_path("pc%.txt") == "pc%.txt");
  CHECK(safe_path("pc%41") == "pcA");
  CHECK(safe_path("q?x;y=1+2") == "q?x;y=1+2");
  CHECK(safe_path("a:b") == "a:b");
  CHECK(safe_path("ctl\x01") == "ctl%01");
  CHECK(safe_path("tab\t.txt") == "tab.txt");
  CHECK(safe_path("%ED%95%9C%EA%B8%80") == "한글");
  CHECK(plain_path("a//b/./c/") == "a/b/c");
  CHECK(plain_path("./").empty());
}

TEST_CASE("a file's path names one file in one way", "[artifacts]") {
  CHECK(file_path("a/b.txt") == "a/b.txt");
  CHECK(file_path("a//b.txt") == "a/b.txt");
  CHECK(file_path(".hidden") == ".hidden");
  CHECK_THROWS_WITH(file_path("a/"),
                    "Artifact path must include a filename (cannot end with '/').");
  CHECK_THROWS_WITH(file_path(""), "Artifact path must include a filename (cannot end with '/').");
  CHECK_THROWS_WITH(file_path("a/./b.txt"),
                    Catch::StartsWith("Invalid artifact path: 'a/./b.txt'"));
  CHECK_THROWS_WITH(file_path("a//b/c"), Catch::StartsWith("Invalid artifact path"));
  CHECK_THROWS_WITH(file_path("a/."), Catch::StartsWith("Invalid artifact path"));
  CHECK_THROWS_WITH(file_path("../a"), "Invalid path");
}

TEST_CASE("the proxy's root is the destination", "[artifacts]") {
  CHECK(located("mlflow-artifacts:/1/r/artifacts") == "mlflow|1/r/artifacts");
  CHECK(located("s3://mlflow/1/r/artifacts") == "mlflow|1/r/artifacts");
  CHECK(located("mlflow-artifacts://host:5000/1/r/") == "mlflow|1/r");
  CHECK(located("mlflow-artifacts:/") == "mlflow|");
  CHECK(located("mlflow-artifacts:/1", {"lab", "deep/down"}) == "lab|deep/down/1");
  CHECK(located("s3://other/x/", {"lab", "deep"}) == "other|x");
  CHECK(located("s3://other") == "other|");
  CHECK(located("http://h:5000/api/2.0/mlflow-artifacts/artifacts/1/r") == "mlflow|1/r");
  CHECK(located("https://h/p/ajax-api/2.0/mlflow-artifacts/artifacts/1?x=y") == "mlflow|1");
}

TEST_CASE("locations out of reach are refused", "[artifacts]") {
  for (const char* uri : {"file:///tmp/x", "/tmp/x", "relative", "gs://b/x", "http://h/other",
                          "s3://", "s3:///x", ""}) {
    CAPTURE(uri);
    CHECK_THROWS_AS(located(uri), sandbox::Error);
  }
  CHECK_THROWS_WITH(located("mlflow-artifacts:/a/../b"), "Invalid path");
}
