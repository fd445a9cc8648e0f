// A job's log never shows a secret, however it comes, and never grows beyond its limit.
#include "sandbox/jobs/masked_log.h"

#include <catch2/catch.hpp>

#include "sandbox/jobs/attempt.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;        // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::jobs;  // NOLINT(google-build-using-namespace): namespace

namespace {

std::string logged(const std::vector<std::string>& secrets,
                   const std::vector<std::string>& pieces,
                   std::int64_t bytes_max = 1'000) {
  const TemporaryDirectory place;
  const std::string file = (place.path / "log").string();
  MaskedLog log(file, secrets, bytes_max);
  for (const std::string& piece : pieces) log.write(piece);
  log.end();
  return read_file(file).value_or("<none>");
}

}  // namespace

TEST_CASE("a secret is masked wherever its bytes are cut", "[jobs]") {
  const std::string text = "before hunter2 between hunter2hunter2 after hunt";
  const std::string masked = "before *** between ****** after hunt";
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); second += 5) {
      const std::vector<std::string> pieces{
          text.substr(0, first), text.substr(first, second - first), text.substr(second)};
      REQUIRE(logged({"hunter2"}, pieces) == masked);
    }
  }
}

TEST_CASE("of secrets within each other nothing is left", "[jobs]") {
  CHECK(logged({"key", "key-and-more"}, {"a key-and-", "more b key c"}) == "a *** b *** c");
  CHECK(logged({"aab"}, {"aaa", "b"}) == "a***");
  CHECK(logged({"", "x"}, {"axb"}) == "a***b");
}

TEST_CASE("what is printed beyond the limit is left out, and that is said", "[jobs]") {
  const std::string text = logged({}, {std::string(600, 'a'), std::string(600, 'b')});
  CHECK(text.starts_with(std::string(600, 'a') + std::string(400, 'b')));
  CHECK(text.find("left out") != std::string::npos);
  CHECK(text.size() < 1'100);
}

TEST_CASE("text that waits for its end comes at the end", "[jobs]") {
  CHECK(logged({"hunter2"}, {"hunter"}) == "hunter");
}
