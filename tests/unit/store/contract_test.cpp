// What object_store.h promises, asked of both stores: the built-in one, and the same one seen
// through an S3 server.
#include <catch2/catch.hpp>

#include "tests/unit/store/remote_fixture.h"

using namespace store;
using namespace store::testing;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

// Either of the two, told apart by a Catch2 generator.
struct Either {
  explicit Either(bool is_remote) {
    if (is_remote) {
      remote = std::make_unique<RemoteFixture>();
      objects = remote->store.get();
    } else {
      local = std::make_unique<Fixture>();
      objects = local->store.get();
    }
  }
  ObjectStore* operator->() const { return objects; }
  ObjectStore& operator*() const { return *objects; }

  std::unique_ptr<Fixture> local;
  std::unique_ptr<RemoteFixture> remote;
  ObjectStore* objects = nullptr;
};

std::vector<std::string> keys_of(const ListPage& page) {
  std::vector<std::string> keys;
  for (const ObjectInfo& object : page.objects) keys.push_back(object.key);
  return keys;
}

}  // namespace

TEST_CASE("both stores give back the bytes they were given, whatever their number", "[store]") {
  const bool is_remote = GENERATE(false, true);
  CAPTURE(is_remote);
  const Either lab(is_remote);
  // A part is 5 MiB: one, exactly two, and a bit more than three.
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, 5 * mib, 10 * mib, 16 * mib + 3}) {
    CAPTURE(size);
    const auto bytes = noise(size, size + 1);
    const auto writer = lab->begin_put("lab", "some/key");
    for (std::size_t at = 0; at < size; at += 700'001) {
      writer->write(std::string_view(bytes).substr(at, 700'001));
    }
    CHECK(writer->size() == size);
    CHECK(writer->md5() == md5_hex(bytes));
    CHECK(writer->commit({}).size == size);
    const auto reader = lab->open("lab", "some/key");
    REQUIRE(reader);
    CHECK(reader->info().size == size);
    CHECK((read_all(*reader) == bytes));
    if (size < 100) continue;
    std::string range;
    reader->read(size - 50, 40, [&](std::string_view piece) { range += piece; });
    CHECK((range == bytes.substr(size - 50, 40)));
    CHECK(fault_of([&] { reader->read(size - 1, 2, [](std::string_view) {}); }) == "InvalidRange");
  }
}

TEST_CASE("both stores keep what is said of an object, in one part and in many", "[store]") {
  const bool is_remote = GENERATE(false, true);
  CAPTURE(is_remote);
  const Either lab(is_remote);
  ObjectHeaders headers;
  headers.content_type = "text/plain; charset=utf-8";
  headers.standard = {{"cache-control", "no-cache"}, {"content-encoding", "gzip"}};
  headers.user = {{"author", "Ada"}, {"note", "caf\xC3\xA9"}};
  for (const std::size_t size : {std::size_t{5}, 11 * mib}) {
    const auto writer = lab->begin_put("lab", "notes", headers);
    writer->write(noise(size));
    writer->commit(headers);
    const auto info = lab->find("lab", "notes");
    REQUIRE(info);
    CHECK(info->size == size);
    CHECK(info->headers.content_type == headers.content_type);
    CHECK(info->headers.standard == headers.standard);
    CHECK(info->headers.user == headers.user);
    CHECK(info->modified_ms > 1'700'000'000'000);
  }
}

TEST_CASE("both stores take any key", "[store]") {
  const bool is_remote = GENERATE(false, true);
  CAPTURE(is_remote);
  const Either lab(is_remote);
  for (const std::string key :
       {"a b", "a+b", "a%20b", "\xED\x95\x9C\xEA\xB8\x80/\xF0\x9F\x98\x80", "../up", "a//b",
        "a/./b", "dir/", "q?x=1&y=2", "#hash", "quote\"<&>'", "tab\tnew\nline", "~tilde!*'()"}) {
    CAPTURE(key);
    put(*lab, "lab", key, "content of " + key);
    CHECK(get(*lab, "lab", key) == "content of " + key);
    ListQuery query;
    query.prefix = key;
    CHECK(keys_of(lab->list("lab", query)) == std::vector<std::string>{key});
    CHECK(lab->remove("lab", key));
    CHECK_FALSE(lab->remove("lab", key));
    CHECK_FALSE(lab->find("lab", key));
  }
}

TEST_CASE("both stores list page by page, with and without directories", "[store]") {
  const bool is_remote = GENERATE(false, true);
  CAPTURE(is_remote);
  const Either lab(is_remote);
  std::vector<std::string> all;
  for (const std::string directory : {"a", "b", "c"}) {
    for (const std::string name : {"1", "2", "3", "sub/4"}) {
      all.push_back("top/" + directory + "/" + name);
      put(*lab, "lab", all.back(), name);
    }
  }
  put(*lab, "lab", "top/file", "f");
  put(*lab, "lab", "other", "o");
  for (const int keys_max : {1, 2, 5, 1000}) {
    CAPTURE(keys_max);
    ListQuery query;
    query.prefix = "top/";
    query.keys_max = keys_max;
    std::vector<std::string> found;
    ListPage page;
    do {
      page = lab->list("lab", query);
      CHECK(page.objects.size() <= static_cast<std::size_t>(keys_max));
      for (const std::string& key : keys_of(page)) found.push_back(key);
      query.after = page.next_after;
    } while (page.truncated);
    CHECK(found.size() == all.size() + 1);
    CHECK(std::is_sorted(found.begin(), found.end()));

    query.after.clear();
    query.delimiter = "/";
    std::vector<std::string> prefixes;
    std::vector<std::string> files;
    do {
      page = lab->list("lab", query);
      prefixes.insert(prefixes.end(), page.common_prefixes.begin(), page.common_prefixes.end());
      for (const std::string& key : keys_of(page)) files.push_back(key);
      query.after = page.next_after;
    } while (page.truncated);
    CHECK(prefixes == std::vector<std::string>{"top/a/", "top/b/", "top/c/"});
    CHECK(files == std::vector<std::string>{"top/file"});
  }
}

TEST_CASE("both stores remove many at once and know what is left", "[store]") {
  const bool is_remote = GENERATE(false, true);
  CAPTURE(is_remote);
  const Either lab(is_remote);
  std::vector<std::string> keys;
  for (int i = 0; i < 1'203; ++i) {
    keys.push_back("many/" + std::to_string(i));
    put(*lab, "lab", keys.back(), "12345");
  }
  CHECK(lab->usage("lab").objects == 1'203);
  CHECK(lab->usage("lab").bytes == 5 * 1'203);
  keys.resize(1'201);
  keys.push_back("was/never/there");
  lab->remove_all("lab", keys);
  CHECK(lab->usage("lab").objects == 2);
}

TEST_CASE("nothing of an object is seen before its commit or after it was given up", "[store]") {
  const bool is_remote = GENERATE(false, true);
  CAPTURE(is_remote);
  const Either lab(is_remote);
  put(*lab, "lab", "draft", "the old one");
  {
    const auto writer = lab->begin_put("lab", "draft");
    writer->write(noise(12 * mib));
    CHECK(get(*lab, "lab", "draft") == "the old one");
  }
  CHECK(get(*lab, "lab", "draft") == "the old one");
  CHECK(lab->uploads("lab", "", "", "", 10).empty());
}

TEST_CASE("both stores check the conditions of a write", "[store]") {
  const bool is_remote = GENERATE(false, true);
  CAPTURE(is_remote);
  const Either lab(is_remote);
  const auto first = put(*lab, "lab", "k", "one", {.if_match = {}, .if_none_match = true});
  CHECK(fault_of([&] { put(*lab, "lab", "k", "two", {.if_match = {}, .if_none_match = true}); }) ==
        "PreconditionFailed");
  put(*lab, "lab", "k", "two", {.if_match = first.etag});
  CHECK(fault_of([&] { put(*lab, "lab", "k", "three", {.if_match = first.etag}); }) ==
        "PreconditionFailed");
  CHECK(get(*lab, "lab", "k") == "two");
}

TEST_CASE("both stores say which bucket is not there", "[store]") {
  const bool is_remote = GENERATE(false, true);
  CAPTURE(is_remote);
  const Either lab(is_remote);
  CHECK(lab->find_bucket("lab"));
  CHECK_FALSE(lab->find_bucket("absent"));
  CHECK(fault_of([&] { lab->find("absent", "k"); }) == "NoSuchBucket");
  CHECK(fault_of([&] { lab->open("absent", "k"); }) == "NoSuchBucket");
  CHECK(fault_of([&] { lab->list("absent", {}); }) == "NoSuchBucket");
  CHECK(fault_of([&] { put(*lab, "absent", "k", "bytes"); }) == "NoSuchBucket");
  CHECK(lab->open("lab", "nothing") == nullptr);

  lab->create_bucket("second", "us-east-1");
  CHECK(lab->buckets().size() == 2);
  CHECK(fault_of([&] { lab->create_bucket("second", "us-east-1"); }) == "BucketAlreadyOwnedByYou");
  put(*lab, "second", "k", "bytes");
  CHECK(fault_of([&] { lab->delete_bucket("second"); }) == "BucketNotEmpty");
  lab->remove("second", "k");
  lab->delete_bucket("second");
  CHECK_FALSE(lab->find_bucket("second"));
}

TEST_CASE("both stores pass a client's own multipart upload on", "[store]") {
  const bool is_remote = GENERATE(false, true);
  CAPTURE(is_remote);
  const Either lab(is_remote);
  UploadInfo request;
  request.bucket = "lab";
  request.key = "parts \xED\x95\x9C";
  request.headers.content_type = "image/png";
  const UploadInfo upload = lab->create_upload(request);
  const auto first = noise(5 * mib, 1);
  const auto second = noise(17, 2);
  const CompletedPart two = send_part(*lab, upload, 2, second);
  const CompletedPart one = send_part(*lab, upload, 1, first);
  const auto parts = lab->parts(upload, 0, 10);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].size == first.size());
  CHECK(parts[1].etag == two.etag);
  CHECK(lab->parts(upload, 1, 10).size() == 1);
  const auto open_uploads = lab->uploads("lab", "parts", "", "", 10);
  REQUIRE(open_uploads.size() == 1);
  CHECK(open_uploads[0].id == upload.id);
  CHECK(open_uploads[0].key == request.key);
  CHECK(fault_of([&] { lab->complete_upload(upload, {two, one}, {}, {}); }) == "InvalidPartOrder");
  const auto info =
      lab->complete_upload(lab->upload("lab", request.key, upload.id), {one, two}, {}, {});
  CHECK(info.etag.ends_with("-2"));
  CHECK((get(*lab, "lab", request.key) == first + second));
  CHECK(lab->find("lab", request.key)->headers.content_type == "image/png");
  CHECK(fault_of([&] { lab->upload("lab", request.key, upload.id); }) == "NoSuchUpload");
  CHECK(fault_of([&] { lab->complete_upload(upload, {one, two}, {}, {}); }) == "NoSuchUpload");

  const UploadInfo unwanted = begin_upload(*lab, "lab", "unwanted");
  send_part(*lab, unwanted, 1, "some");
  lab->abort_upload(unwanted);
  CHECK(lab->uploads("lab", "", "", "", 10).empty());
  CHECK_FALSE(lab->find("lab", "unwanted"));
}
