#include "sandbox/base/tls.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of this namespace

// Under the preset asan also: a refusal leaves nothing behind, as every reload() may be refused.
TEST_CASE("certificates that cannot be used are refused with the file's name", "[base]") {
  const TemporaryDirectory place;
  const std::string empty = place.path / "empty.pem";
  std::ofstream{empty};
  CHECK_THROWS_WITH(TlsContext("/no/cert.pem", empty), "--tls-cert /no/cert.pem cannot be read.");
  CHECK_THROWS_WITH(TlsContext(empty, "/no/key.pem"), "--tls-key /no/key.pem cannot be read.");
  CHECK_THROWS_WITH(TlsContext(empty, empty),
                    "--tls-cert " + empty + " holds no certificate in PEM form.");
}
