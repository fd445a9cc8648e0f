#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::testing;

namespace {

ListQuery everything() {
  ListQuery query;
  query.keys_max = 100'000;
  return query;
}

}  // namespace

TEST_CASE("a checkpoint is a store of its own", "[store]") {
  Fixture lab;
  const TemporaryDirectory other;
  const std::string copy = other.path() + "/copy";
  put(*lab.store, "lab", "small", "small");
  put(*lab.store, "lab", "large", noise(3 << 20));
  UploadInfo request;
  request.bucket = "lab";
  request.key = "parts";
  const auto upload = lab.store->create_upload(request);
  const auto part = lab.store->begin_part(upload, 1);
  part->write(noise(6 << 20, 2));
  const std::string etag = part->commit({}).etag;
  lab.store->complete_upload(upload, {{.number = 1, .etag = etag, .checksums = {}}}, {}, {});
  lab.store->checkpoint(copy);
  lab.store->remove("lab", "large");
  put(*lab.store, "lab", "small", "changed");

  const StoreContents contents = examine_checkpoint(copy, true);
  CHECK(contents.objects == 3);
  CHECK(contents.bytes == (9 << 20) + 5);
  sandbox::SystemEnv env;
  const auto store = open_object_store(env, copy);
  CHECK(get(*store, "lab", "small") == "small");
  CHECK(get(*store, "lab", "large") == noise(3 << 20));
  CHECK(get(*store, "lab", "parts") == noise(6 << 20, 2));
  // Each deals its own numbers from here on.
  put(*store, "lab", "new", noise(2 << 20, 3));
  put(*lab.store, "lab", "new", noise(2 << 20, 4));
  CHECK(get(*store, "lab", "new") == noise(2 << 20, 3));
  CHECK(get(*lab.store, "lab", "new") == noise(2 << 20, 4));
  CHECK(get(*lab.store, "lab", "small") == "changed");
}

TEST_CASE("checkpoints taken while large objects come and go lack no bytes", "[store]") {
  Fixture lab;
  const TemporaryDirectory other;
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::vector<std::jthread> writers;
  for (std::uint64_t writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      for (std::uint64_t i = 0; !stop; ++i) {
        const std::string key = std::to_string(writer) + "/" + std::to_string(i % 20);
        put(*lab.store, "lab", key, noise(600'000, i));
        if (i % 3 == 0) lab.store->remove("lab", key);
        ++written;
      }
    });
  }
  const int rounds = 10;
  for (int round = 0; round < rounds; ++round) {
    const int before = written;
    lab.store->checkpoint(other.path() + "/" + std::to_string(round));
    while (written < before + 5) std::this_thread::yield();
  }
  stop = true;
  writers.clear();
  for (int round = 0; round < rounds; ++round) {
    INFO("checkpoint " << round);
    const std::string copy = other.path() + "/" + std::to_string(round);
    const StoreContents contents = examine_checkpoint(copy, true);
    sandbox::SystemEnv env;
    const auto store = open_object_store(env, copy);
    const auto page = store->list("lab", everything());
    CHECK(static_cast<std::int64_t>(page.objects.size()) == contents.objects);
    CHECK(static_cast<std::int64_t>(store->usage("lab").objects) == contents.objects);
    for (const auto& object : page.objects) {
      const auto bytes = get(*store, "lab", object.key);
      REQUIRE(bytes);
      REQUIRE(md5_hex(*bytes) == object.etag);
    }
  }
}

TEST_CASE("looking into a checkpoint changes nothing in it", "[store]") {
  Fixture lab;
  const TemporaryDirectory other;
  const std::string copy = other.path() + "/copy";
  put(*lab.store, "lab", "k", noise(1 << 20));
  lab.store->checkpoint(copy);
  const auto names = [&] {
    std::map<std::string, std::uintmax_t> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(copy)) {
      found[entry.path().string()] = entry.is_regular_file() ? entry.file_size() : 0;
    }
    return found;
  };
  const auto before = names();
  examine_checkpoint(copy, true);
  CHECK(names() == before);
}
