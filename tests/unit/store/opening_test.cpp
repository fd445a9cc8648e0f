#include <fstream>

#include <catch2/catch.hpp>

#include "embedded_store/engine/keys.h"
#include "embedded_store/engine/rocks.h"
#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::testing;

namespace {

// What opening a directory says when it refuses.
std::string refusal(sandbox::Env& env, const std::string& directory) {
  try {
    open_object_store(env, directory);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a store is found again as it was left", "[store]") {
  Fixture lab;
  for (int round = 0; round < 5; ++round) {
    const auto seed = static_cast<std::uint64_t>(round + 1);
    put(*lab.store, "lab", "small-" + std::to_string(round), noise(100, seed));
    put(*lab.store, "lab", "large-" + std::to_string(round), noise(1'000'000, seed));
    lab.reopen();
    CHECK(lab.store->usage("lab").objects == static_cast<std::uint64_t>(2 * (round + 1)));
    for (int before = 0; before <= round; ++before) {
      const auto old_seed = static_cast<std::uint64_t>(before + 1);
      CHECK(get(*lab.store, "lab", "small-" + std::to_string(before)) == noise(100, old_seed));
      CHECK(get(*lab.store, "lab", "large-" + std::to_string(before)) ==
            noise(1'000'000, old_seed));
    }
  }
}

TEST_CASE("a directory has one owner", "[store]") {
  Fixture lab;
  const auto sentence = refusal(lab.env, lab.directory.path());
  CHECK(sentence.find(lab.directory.path()) != std::string::npos);
  CHECK(sentence.find("another process owns it") != std::string::npos);
  put(*lab.store, "lab", "k", "still works");
}

TEST_CASE("a newer format is refused in words", "[store]") {
  Fixture lab;
  lab.store.reset();
  {
    engine::Rocks rocks(lab.directory.path());
    engine::Batch batch(rocks);
    batch.put(engine::Family::meta, engine::format_key, "2");
    rocks.commit(batch);
  }
  CHECK(refusal(lab.env, lab.directory.path()).find("newer version") != std::string::npos);
  {
    engine::Rocks rocks(lab.directory.path());
    engine::Batch batch(rocks);
    batch.put(engine::Family::meta, engine::format_key, "?");
    rocks.commit(batch);
  }
  CHECK(refusal(lab.env, lab.directory.path()).find("damaged") != std::string::npos);
}

TEST_CASE("a directory that cannot be a store is refused in words", "[store]") {
  sandbox::SystemEnv env;
  const TemporaryDirectory directory;
  const auto file = directory.path() + "/file";
  std::ofstream(file) << "not a directory";
  CHECK(refusal(env, file).find(file) != std::string::npos);
}

TEST_CASE("a damaged store says so", "[store]") {
  Fixture lab;
  put(*lab.store, "lab", "k", noise(1'000'000));
  lab.store.reset();
  std::ofstream(lab.directory.path() + "/db/CURRENT") << "MANIFEST-999999\n";
  const auto sentence = refusal(lab.env, lab.directory.path());
  CHECK(sentence.find(lab.directory.path()) != std::string::npos);
}

TEST_CASE("flipped bits of a large object are noticed", "[store]") {
  Fixture lab;
  put(*lab.store, "lab", "k", noise(2'000'000));
  lab.store.reset();
  int damaged = 0;
  for (const auto& entry : std::filesystem::directory_iterator(lab.directory.path() + "/db")) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 1'000'000) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(500'000);
    file.put('!').put('!').put('!');
    ++damaged;
  }
  CHECK(damaged == 1);
  lab.reopen();
  CHECK(fault_of([&] { get(*lab.store, "lab", "k"); }) == "InternalError");
}
