// What the lab keeps for jobs: where it lies, what is refused, and who wins in an environment (row
// S4-30).
#include "sandbox/jobs/secrets.h"

#include <filesystem>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/jobs/order.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;        // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::jobs;  // NOLINT(google-build-using-namespace): namespace

namespace {

using Kind = KeptVariables::Kind;
using Names = std::vector<std::string>;

std::string refusal_of(KeptVariables& kept, const std::string& name, const std::string& value) {
  try {
    kept.set(name, value);
  } catch (const Error& failure) {
    return failure.what();
  }
  return "";
}

}  // namespace

TEST_CASE("kept variables lie in a file for their owner alone, and are replaced", "[jobs]") {
  const TemporaryDirectory place;
  KeptVariables kept(Kind::secret, place.path);
  CHECK(kept.names().empty());
  kept.set("TOKEN", "first-value");
  kept.set("API_KEY", "line one\nline two");
  kept.set("TOKEN", "second-value");
  const auto file = place.path / "job-secrets.json";
  CHECK(std::filesystem::status(file).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  const KeptVariables again(Kind::secret, place.path);  // another process, later
  CHECK(again.names() == Names{"API_KEY", "TOKEN"});
  CHECK(again.get({"TOKEN"})[0].value == "second-value");
  CHECK(again.get({"API_KEY"})[0].value == "line one\nline two");
  CHECK_THROWS_WITH(again.get({"TOKEN", "NOPE"}), Catch::Contains("secret set NOPE`"));
  CHECK(KeptVariables(Kind::config, place.path).names().empty());  // the other kind
  kept.remove("TOKEN");
  CHECK(again.names() == Names{"API_KEY"});
  CHECK_THROWS_WITH(kept.remove("TOKEN"), "The lab keeps no secret TOKEN.");
}

TEST_CASE("what no variable can hold is refused without being repeated", "[jobs]") {
  const TemporaryDirectory place;
  KeptVariables secrets(Kind::secret, place.path);
  KeptVariables config(Kind::config, place.path);
  for (const char* name : {"", "1A", "A-B", "A=B", "A B", "\xc3\xa4"}) {
    CHECK(refusal_of(secrets, name, "hunter2-value").find("no name") != std::string::npos);
  }
  CHECK(refusal_of(secrets, "A", "abc").find("less than 4 bytes") != std::string::npos);
  CHECK(refusal_of(config, "A", "").empty());
  for (const std::string& value : {std::string("hunter2\0x", 9), std::string("hunter2\xff")}) {
    const std::string sentence = refusal_of(secrets, "A", value);
    CHECK(sentence.find("base64") != std::string::npos);
    CHECK(sentence.find("hunter2") == std::string::npos);
  }
  CHECK(refusal_of(config, "A", std::string(200'000, 'x')).find("128 KiB") != std::string::npos);
  const std::string large(130'000, 'x');
  for (int i = 0; i < 8; ++i) config.set("LARGE_" + std::to_string(i), large);
  CHECK(refusal_of(config, "ONE_MORE", large).find("1 MiB") != std::string::npos);
  CHECK(config.names().size() == 9);  // what was there stays
}

TEST_CASE("of one name the job's own value wins over the kept one, a secret over both", "[jobs]") {
  Job job;
  job.spec.command = {"true"};
  job.spec.env = {{"B", "env"}, {"C", "env"}};
  Sources sources;
  sources.lab = {{"A", "lab"}, {"L", "lab"}};
  sources.config = {{"A", "config"}, {"B", "config"}};
  sources.secrets = {{"C", "first line of it\nab\n  second line of it"}};
  const Order order = order_of(job, sources);
  CHECK(order.env.at("L") == "lab");
  CHECK(order.env.at("A") == "config");
  CHECK(order.env.at("B") == "env");
  CHECK(order.env.at("C").starts_with("first"));
  // Each long line of it is masked as well.
  const auto is_masked = [&](const std::string& text) {
    return std::find(order.secrets.begin(), order.secrets.end(), text) != order.secrets.end();
  };
  CHECK(is_masked("second line of it"));
  CHECK(is_masked(sources.secrets[0].value));
  CHECK_FALSE(is_masked("ab"));
}
