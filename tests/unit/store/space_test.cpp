#include <fstream>

#include <catch2/catch.hpp>

#include "embedded_store/engine/keys.h"
#include "embedded_store/engine/rocks.h"
#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::testing;

TEST_CASE("the space of a large object comes back when it is removed or overwritten", "[store]") {
  Fixture lab;
  const auto bytes = noise(20 << 20);
  put(*lab.store, "lab", "k", bytes);
  CHECK(lab.directory.bytes() > 20 << 20);
  for (int i = 0; i < 5; ++i) put(*lab.store, "lab", "k", bytes);
  CHECK(eventually([&] { return lab.directory.bytes() < (21 << 20); }));
  lab.store->remove("lab", "k");
  CHECK(eventually([&] { return lab.directory.bytes() < (1 << 20); }));
}

TEST_CASE("bytes that a reader holds go when it closes", "[store]") {
  Fixture lab;
  put(*lab.store, "lab", "k", noise(10 << 20));
  auto reader = lab.store->open("lab", "k");
  auto second = lab.store->open("lab", "k");
  lab.store->remove("lab", "k");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(lab.directory.bytes() > (10 << 20));
  reader.reset();
  CHECK(read_all(*second) == noise(10 << 20));
  second.reset();
  CHECK(eventually([&] { return lab.directory.bytes() < (1 << 20); }));
}

TEST_CASE("bytes whose reader outlives the last sweep go at the next start", "[store]") {
  Fixture lab;
  put(*lab.store, "lab", "k", noise(10 << 20));
  auto reader = lab.store->open("lab", "k");
  lab.store->remove("lab", "k");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  reader.reset();
  lab.reopen();
  CHECK(eventually([&] { return lab.directory.bytes() < (1 << 20); }));
}

TEST_CASE("the space of many small objects comes back", "[store]") {
  Fixture lab;
  const int objects = 1'000;
  for (int i = 0; i < objects; ++i) {
    put(*lab.store, "lab", std::to_string(i), noise(30'000, static_cast<std::uint64_t>(i)));
  }
  lab.reopen();
  CHECK(lab.directory.bytes() > 25'000'000);
  for (int i = 0; i < objects; ++i) lab.store->remove("lab", std::to_string(i));
  CHECK(lab.store->usage("lab").bytes == 0);
  lab.reopen();
  CHECK(eventually([&] {
    if (lab.directory.bytes() < 8'000'000) return true;
    lab.reopen();
    return false;
  }));
}

TEST_CASE("what a dead process left behind is removed at the start", "[store]") {
  Fixture lab;
  put(*lab.store, "lab", "kept", noise(2 << 20, 7));
  const auto upload = begin_upload(*lab.store, "lab", "partial");
  send_part(*lab.store, upload, 1, noise(1 << 20, 8));
  lab.store.reset();
  const auto before = lab.directory.bytes();
  {
    // A file that was taken in, and no record to name it.
    engine::Rocks rocks(lab.directory.path());
    const auto number = rocks.read(engine::Family::meta, engine::next_id_key).value();
    const auto orphan = static_cast<engine::Id>(std::stoull(number)) - 1;
    const auto file = rocks.begin_file(orphan);
    file->append(0, noise(200'000));
    rocks.take_in(*file);
    CHECK(rocks.blobs_with_files().back() == orphan);
  }
  std::ofstream(lab.directory.path() + "/staging/123.sst") << noise(300'000);
  CHECK(lab.directory.bytes() > before + 450'000);
  lab.reopen();
  CHECK(eventually([&] { return lab.directory.bytes() < before + 100'000; }));
  CHECK(get(*lab.store, "lab", "kept") == noise(2 << 20, 7));
  CHECK(lab.store->parts(upload, 0, 10).size() == 1);
}
