// kill -9 at every step between two changes on disk while a snapshot is taken and restored: what
// was not finished is never taken for a snapshot or a lab, and the next try works.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/snapshots/files.h"
#include "sandbox/snapshots/restore.h"
#include "tests/unit/snapshots/lab.h"

using namespace sandbox;             // NOLINT(google-build-using-namespace): a test of these
using namespace sandbox::snapshots;  // NOLINT(google-build-using-namespace)

namespace {

namespace fs = std::filesystem;

// Kills this process when the step is reached for the n-th time.
CrashPoint die_at(const std::string& step, int times = 1) {
  return [step, times, seen = 0](std::string_view reached) mutable {
    if (reached == step && ++seen == times) ::raise(SIGKILL);
  };
}

enum class End { done, failed, killed };

// Runs `work` in a process of its own, which fails when it throws. The stores are opened in such
// processes alone: RocksDB's threads do not survive a fork.
template <class Function>
End run(Function work) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int signal : {SIGSEGV, SIGABRT, SIGTERM}) ::signal(signal, SIG_DFL);
    try {
      work();
    } catch (const std::exception& failure) {
      ::fprintf(stderr, "%s\n", failure.what());
      ::_exit(2);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGKILL ? End::killed : End::failed;
  return WEXITSTATUS(status) == 0 ? End::done : End::failed;
}

// CHECK would speak to nobody there.
void need(bool is_so, const std::string& what) {
  if (!is_so) throw std::runtime_error("not so: " + what);
}

std::vector<Place> finished(const std::string& data_dir) {
  auto places = places_of(data_dir);
  std::erase_if(places, [](const Place& one) { return one.state != Place::State::finished; });
  return places;
}

void fill(const std::string& data_dir) {
  fs::create_directory(data_dir);
  const Lab lab(data_dir);
  lab.add_run("r1");
  lab.put("small", "small");
  for (int i = 0; i < 3; ++i) lab.put("large" + std::to_string(i), large);
}

void check_contents(const std::string& data_dir) {
  const Lab lab(data_dir);
  need(lab.runs() == std::vector<std::string>{"r1"}, "the run is there");
  need(lab.get("small") == "small", "the small object is there");
  for (int i = 0; i < 3; ++i) need(lab.get("large" + std::to_string(i)) == large, "a large one");
}

void check_snapshot(const std::string& directory) {
  need(differences(directory, read_manifest(directory), true).empty(), "the snapshot is whole");
}

}  // namespace

TEST_CASE("a snapshot killed at any step is none, and the next one is whole", "[snapshots]") {
  for (const std::string step : {"begun", "objects copied", "metadata copied", "settings copied",
                                 "before the manifest", "manifest written"}) {
    for (const bool is_removed_by_hand : {false, true}) {
      INFO(step << ", removed by hand: " << is_removed_by_hand);
      const TemporaryDirectory directory;
      const std::string data_dir = (directory.path / "lab").string();
      CHECK(run([&] { fill(data_dir); }) == End::done);
      CHECK(run([&] { Lab(data_dir, die_at(step)).snapshots.save("s"); }) == End::killed);
      CHECK(finished(data_dir).empty());
      const auto places = places_of(data_dir);
      REQUIRE(places.size() == 1);
      CHECK(places[0].name == "s");
      CHECK(places[0].state == Place::State::unfinished);
      if (is_removed_by_hand) {
        CHECK(snapshots::remove(data_dir, "s"));
        CHECK(places_of(data_dir).empty());
      }
      CHECK(run([&] { Lab(data_dir).snapshots.save("s"); }) == End::done);
      REQUIRE(finished(data_dir).size() == 1);
      CHECK(places_of(data_dir).size() == 1);
      const std::string snapshot = finished(data_dir)[0].directory;
      CHECK(run([&] { check_snapshot(snapshot); }) == End::done);
      CHECK(run([&] { check_contents(data_dir); }) == End::done);
    }
  }
}

TEST_CASE("a restore killed at any step leaves no lab, and the second try works", "[snapshots]") {
  const TemporaryDirectory directory;
  const std::string data_dir = (directory.path / "lab").string();
  CHECK(run([&] {
          fill(data_dir);
          Lab(data_dir).snapshots.save("s");
        }) == End::done);
  const std::string snapshot = shelf_of(data_dir) + "/s";
  int number = 0;
  for (const auto& [step, times] :
       std::vector<std::pair<std::string, int>>{{"begun", 1},
                                                {"file copied", 1},
                                                {"file copied", 4},
                                                {"files copied", 1},
                                                {"settings written", 1},
                                                {"before the end", 1}}) {
    INFO(step << ", time " << times);
    const std::string target = (directory.path / ("target" + std::to_string(number++))).string();
    fs::create_directory(target);
    const auto attempt = [&, &step = step, &times = times](bool dies) {
      Restoring how{.snapshot = snapshot, .data_dir = target};
      if (dies) how.crash_point = die_at(step, times);
      restore(how);
    };
    CHECK(run([&] { attempt(true); }) == End::killed);
    CHECK_THROWS_WITH(refuse_unfinished(target), Catch::Contains("began and did not end"));
    CHECK(run([&] { attempt(true); }) == End::killed);  // and again
    CHECK(run([&] { attempt(false); }) == End::done);
    CHECK_NOTHROW(refuse_unfinished(target));
    CHECK(run([&] { check_contents(target); }) == End::done);
    CHECK(run([&] { check_snapshot(snapshot); }) == End::done);
  }
  CHECK(run([&] { check_contents(data_dir); }) == End::done);
}
