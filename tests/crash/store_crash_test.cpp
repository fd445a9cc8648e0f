#include <cerrno>
#include <chrono>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::testing;

namespace {

// A store_crash_writer and what it says.
class Writer {
 public:
  Writer(const std::string& directory, const std::vector<std::string>& words) {
    std::vector<std::string> all = {WRITER, directory};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<char*> arguments;
    for (auto& word : all) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execv(WRITER, arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
  }
  ~Writer() {
    kill();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    ::close(output_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void kill() const {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  // Waits for its end. False when it ended in any other way than by being killed.
  bool was_killed() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  // What it said until it died, or until `enough` bytes.
  std::string read(std::size_t enough = SIZE_MAX) const {
    std::string out;
    char buffer[4'096];
    while (out.size() < enough) {
      const ssize_t got = ::read(output_, buffer, sizeof buffer);
      if (got == 0 || (got < 0 && errno != EINTR)) break;
      if (got > 0) out.append(buffer, static_cast<std::size_t>(got));
    }
    return out;
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
};

// What a key may hold: what was acknowledged last, or what was tried after that.
struct Expected {
  std::string acknowledged = "-";
  std::string tried = "-";
};

using World = std::map<std::string, Expected>;

// Returns the number of acknowledged changes.
int learn(World& world, const std::string& said) {
  int acknowledged = 0;
  std::istringstream lines(said);
  std::string word;
  std::string key;
  std::string md5;
  while (lines >> word >> key >> md5) {
    world[key].tried = md5;
    if (word != "ack") continue;
    world[key].acknowledged = md5;
    ++acknowledged;
  }
  return acknowledged;
}

void check_world(const std::string& directory, World& world) {
  sandbox::SystemEnv env;
  const auto store = open_object_store(env, directory);
  if (!store->find_bucket("lab")) {
    for (const auto& [key, expected] : world) CHECK(expected.acknowledged == "-");
    return;
  }
  for (auto& [key, expected] : world) {
    const auto bytes = get(*store, "lab", key);
    const std::string found = bytes ? md5_hex(*bytes) : "-";
    INFO(key << " holds " << found);
    CHECK((found == expected.acknowledged || found == expected.tried));
    expected = {.acknowledged = found, .tried = found};
  }
  std::uint64_t bytes = 0;
  const auto page = store->list("lab", {});
  for (const auto& object : page.objects) {
    CHECK(world.count(object.key) == 1);
    bytes += object.size;
  }
  CHECK(store->usage("lab").objects == page.objects.size());
  CHECK(store->usage("lab").bytes == bytes);
  for (const auto& upload : store->uploads("lab", "", "", "", 1'000)) store->abort_upload(upload);
  // Only what records name is left: the live objects, and what the log and the LSM tree of small
  // ones still hold.
  auto files_bytes = [&] {
    std::uint64_t total = 0;
    std::error_code gone;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, gone)) {
      // A large object's file; files of small ones are counted nowhere.
      if (entry.path().extension() != ".sst") continue;
      const auto size = entry.file_size(gone);
      if (!gone) total += size;
    }
    return total;
  };
  constexpr std::uint64_t small_ones = 12 << 20;
  CHECK(eventually([&] { return files_bytes() < bytes + small_ones; }));
}

}  // namespace

TEST_CASE("a store killed at any step keeps what it acknowledged and shows nothing half-made",
          "[store]") {
  const TemporaryDirectory directory;
  World world;
  unsigned seed = 1;
  for (const std::string step : {"large bytes written", "large bytes taken in", "before commit",
                                 "committed", "garbage found", "garbage files dropped"}) {
    for (const std::string times : {"1", "7", "40"}) {
      INFO(step << ", time " << times);
      Writer writer(directory.path(), {std::to_string(seed++), step, times});
      learn(world, writer.read());
      CHECK(writer.was_killed());
      check_world(directory.path(), world);
    }
  }
  CHECK(world.size() > 30);
}

TEST_CASE("a store killed at a random moment keeps what it acknowledged", "[store]") {
  const TemporaryDirectory directory;
  World world;
  int acknowledged = 0;
  for (unsigned round = 0; round < 12; ++round) {
    INFO("round " << round);
    const Writer writer(directory.path(), {std::to_string(100 + round)});
    auto said = writer.read(round * 1'500);
    std::this_thread::sleep_for(std::chrono::microseconds(round * 700));
    writer.kill();
    said += writer.read();
    acknowledged += learn(world, said);
    check_world(directory.path(), world);
  }
  CHECK(acknowledged > 100);
}

TEST_CASE("a store that another process owns is refused, and free once that one is dead",
          "[store]") {
  const TemporaryDirectory directory;
  sandbox::SystemEnv env;
  {
    const Writer writer(directory.path(), {"1"});
    writer.read(1);
    std::string said;
    try {
      open_object_store(env, directory.path());
    } catch (const std::runtime_error& error) {
      said = error.what();
    }
    CHECK(said.find(directory.path()) != std::string::npos);
    CHECK(said.find("another process owns it") != std::string::npos);
  }
  CHECK(open_object_store(env, directory.path())->find_bucket("lab"));
}
