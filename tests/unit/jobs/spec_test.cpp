// What a job may be asked to be, and what is said when it fails.
#include "sandbox/jobs/spec.h"

#include <cerrno>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/jobs/diagnosis.h"

using namespace sandbox;        // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::jobs;  // NOLINT(google-build-using-namespace): namespace

namespace {

JobSpec spec_of(std::vector<std::string> command) {
  JobSpec spec;
  spec.command = std::move(command);
  spec.working_dir = "/";
  return spec;
}

End end_of(const std::string& reason, std::int64_t code) {
  End end;
  end.reason = reason;
  end.exit_code = code;
  return end;
}

}  // namespace

TEST_CASE("sizes are read as people write them", "[jobs]") {
  CHECK(parse_bytes("512M") == 512LL << 20);
  CHECK(parse_bytes("512Mi") == 512LL << 20);
  CHECK(parse_bytes("512MiB") == 512LL << 20);
  CHECK(parse_bytes("1.5g") == 3LL << 29);
  CHECK(parse_bytes("4096") == 4096);
  for (const char* wrong : {"", "M", "-1G", "0", "lots", "1T", "1e30"})
    CHECK_FALSE(parse_bytes(wrong));
}

TEST_CASE("a job is named after its script", "[jobs]") {
  const auto name = [](std::vector<std::string> command) {
    JobSpec spec = spec_of(std::move(command));
    complete(spec);
    return spec.name;
  };
  CHECK(name({"python", "-u", "a/train.py", "--lr", "1"}) == "train.py");
  CHECK(name({"/usr/bin/make", "all"}) == "make");
}

TEST_CASE("what cannot be run is refused with its reason", "[jobs]") {
  const auto refused = [](const std::function<void(JobSpec&)>& spoil) {
    JobSpec spec = spec_of({"true"});
    spoil(spec);
    try {
      complete(spec);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("<taken>");
  };
  CHECK(refused([](JobSpec&) {}) == "<taken>");
  CHECK_THAT(refused([](JobSpec& one) { one.command.clear(); }),
             Catch::Contains("needs a command"));
  CHECK_THAT(refused([](JobSpec& one) { one.command = {std::string("a\0b", 3)}; }),
             Catch::Contains("NUL"));
  CHECK_THAT(refused([](JobSpec& one) { one.command = {std::string(200'000, 'a')}; }),
             Catch::Contains("at most 131072"));
  CHECK_THAT(refused([](JobSpec& one) { one.working_dir = "here"; }), Catch::Contains("absolute"));
  CHECK_THAT(refused([](JobSpec& one) { one.cpus = 0; }), Catch::Contains("cpus"));
  CHECK_THAT(refused([](JobSpec& one) { one.timeout_s = -1; }), Catch::Contains("timeout"));
  CHECK_THAT(refused([](JobSpec& one) { one.env = {{"A=B", "c"}}; }), Catch::Contains("A=B"));
}

TEST_CASE("a failure says what to do about it (S3-10)", "[jobs]") {
  JobSpec spec = spec_of({"python", "train.py"});
  spec.memory_bytes = 512LL << 20;
  spec.timeout_s = 90;
  CHECK_FALSE(diagnose(spec, end_of("exited", 0), "fine"));
  const auto said = [&](const End& end, const std::string& tail) {
    return diagnose(spec, end, tail).value_or("<nothing>");
  };
  CHECK_THAT(said(end_of("exited", 1), "a\nValueError: no\n"),
             Catch::Contains("code 1: ValueError: no."));
  CHECK_THAT(said(end_of("exited", 1), "ModuleNotFoundError: No module named 'torch.nn'"),
             Catch::Contains("upgrade it with `python -m pip install -U torch`"));
  CHECK_THAT(said(end_of("exited", 1), "torch.cuda.OutOfMemoryError: CUDA out of memory"),
             Catch::Contains("smaller BATCH_SIZE"));
  CHECK_THAT(said(end_of("exited", 1), "OSError: [Errno 28] No space left on device"),
             Catch::Contains("disk is full"));
  CHECK_THAT(said(end_of("memory", 143), ""), Catch::Contains("512 MiB"));
  CHECK_THAT(said(end_of("timeout", 143), ""), Catch::Contains("90 s"));
  CHECK_THAT(said(end_of("signal", 139), ""), Catch::Contains("SIGSEGV"));
  End missing = end_of("not started", 127);
  missing.start_errno = ENOENT;
  missing.start_place = "command";
  CHECK_THAT(said(missing, ""), Catch::Contains("--python VENV"));
}
