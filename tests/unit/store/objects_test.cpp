#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "tests/support/fake_env.h"
#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::testing;

TEST_CASE("an object is read as it was written, whatever its size", "[store]") {
  Fixture lab;
  const std::size_t chunk = 256 << 10;
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{4096}, chunk - 1, chunk, chunk + 1, 2 * chunk,
        3 * chunk + 77, std::size_t{5'000'000}}) {
    const auto bytes = noise(size, size + 1);
    const auto key = "size-" + std::to_string(size);
    const auto written = put(*lab.store, "lab", key, bytes);
    CHECK(written.size == size);
    CHECK(written.etag == md5_hex(bytes));
    CHECK(get(*lab.store, "lab", key) == bytes);
  }
  lab.reopen();
  CHECK(get(*lab.store, "lab", "size-5000000") == noise(5'000'000, 5'000'001));
  CHECK(get(*lab.store, "lab", "size-0") == "");
}

TEST_CASE("pieces of any length add up to the same object", "[store]") {
  Fixture lab;
  const auto bytes = noise(1'234'567);
  for (const std::size_t step : {std::size_t{997}, std::size_t{65'536}, std::size_t{700'001}}) {
    const auto writer = lab.store->begin_put("lab", "pieces");
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      writer->write(std::string_view(bytes).substr(at, step));
    }
    CHECK(writer->size() == bytes.size());
    CHECK(writer->md5() == md5_hex(bytes));
    writer->commit({});
    CHECK(get(*lab.store, "lab", "pieces") == bytes);
  }
}

TEST_CASE("what the client said of an object comes back", "[store]") {
  sandbox::FakeEnv env;
  const TemporaryDirectory directory;
  auto store = open_object_store(env, directory.path());
  store->create_bucket("lab", "eu-west-1");
  ObjectHeaders headers;
  headers.content_type = "text/plain; charset=utf-8";
  headers.standard = {{"cache-control", "no-cache"}, {"content-encoding", "gzip"}};
  headers.user = {{"author", "Ada"}, {"empty", ""}, {"note", "caf\xC3\xA9"}};
  headers.tags = {{"stage", "dev"}};
  const std::vector<Checksum> checksums = {{"CRC32", "AAAAAA==", "FULL_OBJECT"},
                                           {"SHA256", "c2hh", "COMPOSITE"}};
  env.now = 1'700'000'123'456;
  const auto writer = store->begin_put("lab", "notes.txt");
  writer->write("hello");
  writer->commit(headers, checksums);
  store.reset();
  store = open_object_store(env, directory.path());

  const auto info = store->find("lab", "notes.txt").value();
  CHECK(info.bucket == "lab");
  CHECK(info.key == "notes.txt");
  CHECK(info.version_id == "null");
  CHECK(info.size == 5);
  CHECK(info.etag == "5d41402abc4b2a76b9719d911017c592");
  CHECK(info.modified_ms == 1'700'000'123'456);
  CHECK(info.parts == 0);
  CHECK(info.headers.content_type == headers.content_type);
  CHECK(info.headers.standard == headers.standard);
  CHECK(info.headers.user == headers.user);
  CHECK(info.headers.tags == headers.tags);
  REQUIRE(info.checksums.size() == 2);
  CHECK(info.checksums[1].algorithm == "SHA256");
  CHECK(info.checksums[1].value == "c2hh");
  CHECK(info.checksums[1].type == "COMPOSITE");
  CHECK(store->find_bucket("lab")->region == "eu-west-1");
  CHECK(store->find_bucket("lab")->created_ms == 1'700'000'000'000);
}

TEST_CASE("nothing is visible before the commit", "[store]") {
  Fixture lab;
  for (const std::size_t size : {std::size_t{10}, std::size_t{2'000'000}}) {
    auto writer = lab.store->begin_put("lab", "draft");
    writer->write(noise(size));
    writer->md5();
    CHECK_FALSE(lab.store->find("lab", "draft"));
    CHECK(lab.store->list("lab", {}).objects.empty());
    writer.reset();
    CHECK_FALSE(lab.store->find("lab", "draft"));
  }
  CHECK(lab.store->usage("lab").bytes == 0);
  CHECK(lab.directory.bytes() < 500'000);
}

TEST_CASE("a range is read from where it lies", "[store]") {
  Fixture lab;
  for (const std::size_t size : {std::size_t{200'000}, std::size_t{1'500'000}}) {
    const auto bytes = noise(size);
    put(*lab.store, "lab", "ranged", bytes);
    const auto reader = lab.store->open("lab", "ranged");
    for (const auto& [offset, length] :
         std::vector<std::pair<std::size_t, std::size_t>>{{0, 1},
                                                          {0, size},
                                                          {size - 1, 1},
                                                          {size, 0},
                                                          {100, 0},
                                                          {99'999, 100'001},
                                                          {size / 2, size / 3}}) {
      std::string out;
      reader->read(offset, length, [&](std::string_view piece) {
        CHECK(piece.size() <= 1 << 20);
        out.append(piece);
      });
      CHECK(out == bytes.substr(offset, length));
    }
    CHECK(fault_of([&] { reader->read(size, 1, [](auto) {}); }) == "InvalidRange");
    CHECK(fault_of([&] { reader->read(1, UINT64_MAX, [](auto) {}); }) == "InvalidRange");
  }
}

TEST_CASE("an open reader keeps its bytes when the key is overwritten or removed", "[store]") {
  Fixture lab;
  for (const std::size_t size : {std::size_t{1'000}, std::size_t{3'000'000}}) {
    const auto first = noise(size, 1);
    const auto second = noise(size, 2);
    put(*lab.store, "lab", "k", first);
    const auto reader = lab.store->open("lab", "k");
    std::string out;
    reader->read(0, 500, [&](std::string_view piece) { out.append(piece); });
    put(*lab.store, "lab", "k", second);
    const auto newer = lab.store->open("lab", "k");
    CHECK(lab.store->remove("lab", "k"));
    CHECK_FALSE(lab.store->open("lab", "k"));
    // The sweeper has had something to do in between.
    put(*lab.store, "lab", "other", first);
    CHECK(lab.store->remove("lab", "other"));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    reader->read(500, size - 500, [&](std::string_view piece) { out.append(piece); });
    CHECK(out == first);
    CHECK(read_all(*newer) == second);
  }
}

TEST_CASE("removing says whether there was something", "[store]") {
  Fixture lab;
  put(*lab.store, "lab", "k", "v");
  CHECK(lab.store->remove("lab", "k"));
  CHECK_FALSE(lab.store->remove("lab", "k"));
  CHECK_FALSE(lab.store->find("lab", "k"));
  CHECK_FALSE(lab.store->open("lab", "k"));
}

TEST_CASE("many are removed at once, also from several threads", "[store]") {
  Fixture lab;
  std::vector<std::string> keys{"absent", "k0", "k0"};
  for (int i = 0; i < 200; ++i) {
    keys.push_back("k" + std::to_string(i));
    put(*lab.store, "lab", keys.back(), i % 50 == 0 ? noise(1'000'000) : "v");
  }
  put(*lab.store, "lab", "kept", "v");
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] { lab.store->remove_all("lab", keys); });
    }
  }
  lab.reopen();
  CHECK(lab.store->usage("lab").objects == 1);
  CHECK(lab.store->usage("lab").bytes == 1);
  CHECK(lab.store->find("lab", "kept"));
  CHECK(fault_of([&] { lab.store->remove_all("nowhere", keys); }) == "NoSuchBucket");
}

TEST_CASE("counters follow every change of a bucket", "[store]") {
  Fixture lab;
  put(*lab.store, "lab", "a", noise(1'000));
  put(*lab.store, "lab", "b", noise(2'000'000));
  CHECK(lab.store->usage("lab").objects == 2);
  CHECK(lab.store->usage("lab").bytes == 2'001'000);
  put(*lab.store, "lab", "b", noise(10));
  CHECK(lab.store->usage("lab").objects == 2);
  CHECK(lab.store->usage("lab").bytes == 1'010);
  lab.store->remove("lab", "a");
  lab.store->remove("lab", "a");
  for (int i = 0; i < 100; ++i) put(*lab.store, "lab", "c" + std::to_string(i), "12345");
  lab.reopen();
  CHECK(lab.store->usage("lab").objects == 101);
  CHECK(lab.store->usage("lab").bytes == 510);
}

TEST_CASE("conditions of a write are checked", "[store]") {
  Fixture lab;
  WriteConditions none;
  none.if_none_match = true;
  const auto first = put(*lab.store, "lab", "k", "one", none);
  for (const std::string& bytes : {std::string("two"), noise(1'000'000)}) {
    CHECK(fault_of([&] { put(*lab.store, "lab", "k", bytes, none); }) == "PreconditionFailed");
    WriteConditions other;
    other.if_match = md5_hex("something else");
    CHECK(fault_of([&] { put(*lab.store, "lab", "k", bytes, other); }) == "PreconditionFailed");
    CHECK(fault_of([&] { put(*lab.store, "lab", "missing", bytes, other); }) == "NoSuchKey");
    other.if_match = "*";
    CHECK(fault_of([&] { put(*lab.store, "lab", "missing", bytes, other); }) == "NoSuchKey");
  }
  CHECK(get(*lab.store, "lab", "k") == "one");
  WriteConditions same;
  same.if_match = first.etag;
  put(*lab.store, "lab", "k", "three", same);
  same.if_match = "*";
  put(*lab.store, "lab", "k", "four", same);
  CHECK(get(*lab.store, "lab", "k") == "four");
  CHECK(lab.store->usage("lab").objects == 1);
}

TEST_CASE("keys are kept literally", "[store]") {
  Fixture lab;
  const std::vector<std::string> keys = {"a",
                                         "a/",
                                         "a/b",
                                         "/",
                                         "//",
                                         "../",
                                         "./x",
                                         "a//b",
                                         " ",
                                         "a\nb",
                                         std::string("a\0b", 3),
                                         "\xC3\xA9t\xC3\xA9/\xF0\x9F\x98\x80",
                                         std::string(1'024, 'k')};
  for (const auto& key : keys) put(*lab.store, "lab", key, "of " + key);
  for (const auto& key : keys) CHECK(get(*lab.store, "lab", key) == "of " + key);
  CHECK(lab.store->list("lab", {}).objects.size() == keys.size());
  CHECK(fault_of([&] { put(*lab.store, "lab", std::string(1'025, 'k'), ""); }) ==
        "KeyTooLongError");
  CHECK(fault_of([&] { put(*lab.store, "lab", "", ""); }) == "InvalidArgument");
  CHECK(fault_of([&] { put(*lab.store, "lab", "\xFF", ""); }) == "InvalidArgument");
  CHECK_FALSE(lab.store->find("lab", std::string(2'000, 'k')));
}

TEST_CASE("a missing bucket is named", "[store]") {
  Fixture lab;
  auto& store = *lab.store;
  CHECK(fault_of([&] { store.begin_put("nope", "k"); }) == "NoSuchBucket");
  CHECK(fault_of([&] { store.open("nope", "k"); }) == "NoSuchBucket");
  CHECK(fault_of([&] { store.find("nope", "k"); }) == "NoSuchBucket");
  CHECK(fault_of([&] { store.remove("nope", "k"); }) == "NoSuchBucket");
  CHECK(fault_of([&] { store.list("nope", {}); }) == "NoSuchBucket");
  CHECK(fault_of([&] { store.usage("nope"); }) == "NoSuchBucket");
  CHECK(fault_of([&] { store.uploads("nope", "", "", "", 10); }) == "NoSuchBucket");
  CHECK(fault_of([&] { begin_upload(store, "nope", "k"); }) == "NoSuchBucket");
  CHECK(fault_of([&] { store.delete_bucket("nope"); }) == "NoSuchBucket");
  CHECK_FALSE(store.find_bucket("nope"));
}

TEST_CASE("a bucket's life", "[store]") {
  Fixture lab;
  CHECK(fault_of([&] { lab.store->create_bucket("lab", ""); }) == "BucketAlreadyOwnedByYou");
  lab.store->create_bucket("a.second-one", "eu");
  REQUIRE(lab.store->buckets().size() == 2);
  CHECK(lab.store->buckets()[0].name == "a.second-one");
  put(*lab.store, "lab", "k", "v");
  CHECK(fault_of([&] { lab.store->delete_bucket("lab"); }) == "BucketNotEmpty");
  lab.store->remove("lab", "k");
  const auto upload = begin_upload(*lab.store, "lab", "k");
  send_part(*lab.store, upload, 1, noise(1'000'000));
  auto late = lab.store->begin_put("lab", "late");
  late->write(noise(1'000'000));
  lab.store->delete_bucket("lab");
  CHECK(fault_of([&] { late->commit({}); }) == "NoSuchBucket");
  lab.reopen();
  CHECK(lab.store->buckets().size() == 1);
  lab.store->create_bucket("lab", "");
  CHECK(lab.store->list("lab", {}).objects.empty());
  CHECK(lab.store->uploads("lab", "", "", "", 10).empty());
  CHECK(lab.store->usage("lab").objects == 0);
}

TEST_CASE("bucket names follow S3's rules", "[store]") {
  Fixture lab;
  for (const std::string name : {"ab", "Upper", "under_score", "-start", "end-", ".dot",
                                 "two..dots", "192.168.0.1", "xn--name", "a/b", "caf\xC3\xA9"}) {
    INFO(name);
    CHECK(fault_of([&] { lab.store->create_bucket(name, ""); }) == "InvalidBucketName");
  }
  CHECK(fault_of([&] { lab.store->create_bucket(std::string(64, 'a'), ""); }) ==
        "InvalidBucketName");
  lab.store->create_bucket(std::string(63, 'a'), "");
  lab.store->create_bucket("1.2.3", "");
  lab.store->create_bucket("0ab", "");
}

TEST_CASE("a large object is written and read in little memory", "[store]") {
  Fixture lab;
  auto peak_kib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  put(*lab.store, "lab", "warm", noise(1 << 20));
  const auto piece = noise(1 << 20);
  sandbox::Digest expected(sandbox::DigestKind::md5);
  [[maybe_unused]] const auto before = peak_kib();
  const auto writer = lab.store->begin_put("lab", "large");
  for (int i = 0; i < 200; ++i) {
    writer->write(piece);
    expected.update(piece);
  }
  const auto info = writer->commit({});
  CHECK(info.size == 200ULL << 20);
  CHECK(info.etag == sandbox::hex(expected.finish()));
  sandbox::Digest seen(sandbox::DigestKind::md5);
  const auto reader = lab.store->open("lab", "large");
  reader->read(0, info.size, [&](std::string_view bytes) { seen.update(bytes); });
  CHECK(sandbox::hex(seen.finish()) == info.etag);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(peak_kib() - before < 20 << 10);
#endif
}
