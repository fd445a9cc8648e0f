// Which addresses lead to the lab.
#include "sandbox/jobs/aliases.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;        // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::jobs;  // NOLINT(google-build-using-namespace): namespace

TEST_CASE("names of a cluster lead to the lab's ports (S2-8)", "[jobs]") {
  const std::string library = "/proc/self/exe";  // a file that is there
  CHECK(alias_variables({}, {"127.0.0.1:5", ""}, "/no/names.so").empty());
  const auto variables = alias_variables({"mlflow:80=tracking", "minio:1=s3", "a:2=b:3"},
                                         {"127.0.0.1:5", "127.0.0.1:9"}, library);
  REQUIRE(variables.size() == 2);
  CHECK(variables[0].second ==
        "mlflow:80=127.0.0.1:5;minio:1=127.0.0.1:9;a:2=b:3;"
        "*.svc.cluster.local:5000=127.0.0.1:5;*.svc.cluster.local:9000=127.0.0.1:9;"
        "*.svc:5000=127.0.0.1:5;*.svc:9000=127.0.0.1:9");
  CHECK(variables[1].second == library);
  const TemporaryDirectory place;  // its name has a blank
  const std::string apart = (place.path / "names.so").string();
  std::ofstream{apart};
  CHECK(alias_variables({}, {"127.0.0.1:5", ""}, apart).empty());
}

TEST_CASE("an alias has two addresses", "[jobs]") {
  for (const char* good : {"a:1=tracking", "a:1=s3", "a.b:65535=c:1"}) check_alias(good);
  for (const char* wrong : {"", "a", "a=tracking", "a:1", "a:1=", "a:0=s3", "a:1=b", "a:70000=s3",
                            "a b:1=s3", "a:1=b:x", ":1=s3"}) {
    CHECK_THROWS_AS(check_alias(wrong), Error);
  }
}
