#include "sandbox/base/inflate.h"

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of these

namespace {

std::string bytes(std::string_view digits) {
  const auto raw = unhex(digits);
  return {raw->begin(), raw->end()};
}

const std::string hello = "1f8b0800000000000003cb48cdc9c9070086a6103605000000";

}  // namespace

TEST_CASE("gzip and deflate are undone", "[base]") {
  CHECK(inflate(bytes(hello), Compression::gzip, 5) == "hello");
  CHECK(inflate(bytes(hello + hello), Compression::gzip, 10) == "hellohello");
  CHECK(inflate(bytes("789ccb48cdc9c90700062c0215"), Compression::deflate, 5) == "hello");
  CHECK(inflate(bytes("cb48cdc9c90700"), Compression::deflate, 5) == "hello");
}

TEST_CASE("more than the allowed size is not unpacked", "[base]") {
  CHECK_THROWS_AS(inflate(bytes(hello), Compression::gzip, 4), Error);
  CHECK_THROWS_AS(inflate(bytes(hello + hello), Compression::gzip, 9), Error);
}

TEST_CASE("broken and unfinished data are refused", "[base]") {
  CHECK_THROWS_AS(inflate("", Compression::gzip, 10), Error);
  CHECK_THROWS_AS(inflate("no gzip", Compression::gzip, 10), Error);
  CHECK_THROWS_AS(inflate(bytes(hello).substr(0, 15), Compression::gzip, 10), Error);
  CHECK_THROWS_AS(inflate(bytes(hello) + "rest", Compression::gzip, 10), Error);
  CHECK_THROWS_AS(inflate("no deflate", Compression::deflate, 10), Error);
}
