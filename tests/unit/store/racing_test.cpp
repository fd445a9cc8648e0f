#include <atomic>
#include <barrier>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::testing;

namespace {

// Objects of a few hundred KiB take the way of large ones.
StoreOptions early_files() {
  StoreOptions options;
  options.small_bytes_max = 64 << 10;
  return options;
}

void in_parallel(int threads, const std::function<void(int)>& action) {
  std::barrier start(threads);
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      start.arrive_and_wait();
      action(i);
    });
  }
}

}  // namespace

TEST_CASE("of sixteen racing writers exactly one creates the key", "[store]") {
  Fixture lab(early_files());
  for (const std::size_t size : {std::size_t{100}, std::size_t{400'000}}) {
    for (int round = 0; round < 5; ++round) {
      const auto key = std::to_string(size) + "-" + std::to_string(round);
      std::atomic<int> won = 0;
      std::atomic<int> refused = 0;
      std::string winner;
      in_parallel(16, [&](int i) {
        const auto bytes = noise(size, static_cast<std::uint64_t>(i + 1));
        WriteConditions none;
        none.if_none_match = true;
        const auto fault = fault_of([&] { put(*lab.store, "lab", key, bytes, none); });
        if (fault.empty()) {
          ++won;
          winner = bytes;
        } else if (fault == "PreconditionFailed") {
          ++refused;
        }
      });
      CHECK(won == 1);
      CHECK(refused == 15);
      CHECK(get(*lab.store, "lab", key) == winner);
    }
  }
}

TEST_CASE("a counter kept in an object by If-Match loses no step", "[store]") {
  Fixture lab(early_files());
  put(*lab.store, "lab", "counter", "0");
  in_parallel(8, [&](int) {
    for (int done = 0; done < 10;) {
      const auto reader = lab.store->open("lab", "counter");
      WriteConditions same;
      same.if_match = reader->info().etag;
      const auto next = std::to_string(std::stoi(read_all(*reader)) + 1);
      const auto fault = fault_of([&] { put(*lab.store, "lab", "counter", next, same); });
      if (fault.empty()) ++done;
    }
  });
  CHECK(get(*lab.store, "lab", "counter") == "80");
}

TEST_CASE("writers, readers and removers of a few keys see whole objects", "[store]") {
  Fixture lab(early_files());
  std::atomic<int> broken = 0;
  in_parallel(8, [&](int i) {
    for (int step = 0; step < 60; ++step) {
      const auto key = "k" + std::to_string((i + step) % 3);
      const auto seed = static_cast<std::uint64_t>(i * 1'000 + step + 1);
      switch (step % 4) {
        case 0: put(*lab.store, "lab", key, noise(seed % 2 == 0 ? 300'000 : 3'000, seed)); break;
        case 3:
          if (i == 0) lab.store->remove("lab", key);
          break;
        default: {
          const auto reader = lab.store->open("lab", key);
          if (reader && md5_hex(read_all(*reader)) != reader->info().etag) ++broken;
        }
      }
    }
  });
  CHECK(broken == 0);
  std::uint64_t bytes = 0;
  const auto page = lab.store->list("lab", {});
  for (const auto& object : page.objects) bytes += object.size;
  CHECK(lab.store->usage("lab").bytes == bytes);
  CHECK(lab.store->usage("lab").objects == page.objects.size());
  CHECK(eventually([&] { return lab.directory.bytes() < bytes + 5'000'000; }));
}

TEST_CASE("parts sent in parallel and twice leave one of each", "[store]") {
  auto options = early_files();
  options.part_bytes_min = 0;
  Fixture lab(options);
  const auto upload = begin_upload(*lab.store, "lab", "k");
  in_parallel(8, [&](int i) {
    for (int number = 1; number <= 6; ++number) {
      send_part(*lab.store, upload, number,
                noise(300'000, static_cast<std::uint64_t>(number * 10 + i % 2)));
    }
  });
  std::vector<CompletedPart> chosen;
  for (const auto& part : lab.store->parts(upload, 0, 100)) {
    chosen.push_back({.number = part.number, .etag = part.etag, .checksums = {}});
  }
  REQUIRE(chosen.size() == 6);
  CHECK(lab.store->complete_upload(upload, chosen, {}, {}).size == 1'800'000);
  CHECK(eventually([&] { return lab.directory.bytes() < 2'600'000; }));
  CHECK(get(*lab.store, "lab", "k")->size() == 1'800'000);
}

TEST_CASE("a bucket is removed or written to, never both", "[store]") {
  Fixture lab(early_files());
  for (int round = 0; round < 10; ++round) {
    lab.store->create_bucket("brief", "");
    std::string put_fault;
    std::string delete_fault;
    in_parallel(2, [&](int i) {
      if (i == 0) put_fault = fault_of([&] { put(*lab.store, "brief", "k", "v"); });
      if (i == 1) delete_fault = fault_of([&] { lab.store->delete_bucket("brief"); });
    });
    if (delete_fault.empty()) {
      CHECK(put_fault == "NoSuchBucket");
    } else {
      CHECK(delete_fault == "BucketNotEmpty");
      CHECK(put_fault.empty());
      lab.store->remove("brief", "k");
      lab.store->delete_bucket("brief");
    }
  }
}
