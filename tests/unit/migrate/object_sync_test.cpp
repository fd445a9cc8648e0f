// Objects arrive with their bytes and headers, what is there already is not copied again, and what
// differs is told.
#include "sandbox/migrate/object_sync.h"

#include <catch2/catch.hpp>

#include "embedded_store/object_store.h"
#include "tests/support/fake_env.h"
#include "tests/support/temporary_directory.h"

using namespace sandbox;           // NOLINT(google-build-using-namespace): a test of this
using namespace sandbox::migrate;  // NOLINT(google-build-using-namespace): namespace

namespace {

struct Pair {
  TemporaryDirectory place;
  FakeEnv env;
  std::unique_ptr<store::ObjectStore> source = open("source");
  std::unique_ptr<store::ObjectStore> target = open("target");

  std::unique_ptr<store::ObjectStore> open(const std::string& name) {
    auto store = store::open_object_store(env, (place.path / name).string());
    store->create_bucket("mlflow", "us-east-1");
    return store;
  }
  static void put(store::ObjectStore& store, const std::string& key, const std::string& content) {
    store::ObjectHeaders headers;
    headers.content_type = "text/x-test";
    headers.user["origin"] = "here";
    headers.tags["team"] = "red";
    const auto writer = store.begin_put("mlflow", key);
    writer->write(content);
    writer->commit(headers);
  }
};

std::string content(store::ObjectStore& store, const std::string& key) {
  std::string out;
  const auto reader = store.open("mlflow", key);
  if (!reader) return "<none>";
  reader->read(0, reader->info().size, [&](std::string_view piece) { out += piece; });
  return out;
}

// An object made of two parts, whose ETag is not its content's MD5.
void put_in_parts(store::ObjectStore& store, const std::string& key, const std::string& content) {
  store::UploadInfo request;
  request.bucket = "mlflow";
  request.key = key;
  const store::UploadInfo upload = store.create_upload(request);
  const std::size_t half = std::size_t{5} << 20;
  std::vector<store::CompletedPart> parts;
  for (const std::string& piece : {content.substr(0, half), content.substr(half)}) {
    const auto writer = store.begin_part(upload, static_cast<int>(parts.size()) + 1);
    writer->write(piece);
    const std::string etag = writer->commit({}).etag;
    parts.push_back({static_cast<int>(parts.size()) + 1, etag, {}});
  }
  store.complete_upload(upload, parts, {}, {});
}

const ObjectMove everything{"mlflow", "", "mlflow", "lab/"};

}  // namespace

TEST_CASE("objects arrive with their bytes, headers and new keys", "[migrate]") {
  Pair pair;
  const std::string large(3 << 20, 'x');
  Pair::put(*pair.source, "1/a b/모델.txt", "hello");
  Pair::put(*pair.source, "1/empty", "");
  Pair::put(*pair.source, "1/large", large);
  CHECK(ObjectSync(*pair.source, *pair.target).compare(everything).different == 3);
  const ObjectCount count = ObjectSync(*pair.source, *pair.target).copy(everything, {});
  CHECK(count.objects == 3);
  CHECK(count.copied == 3);
  CHECK(count.bytes == 5 + (3 << 20));
  CHECK(content(*pair.target, "lab/1/a b/모델.txt") == "hello");
  CHECK(content(*pair.target, "lab/1/large") == large);
  const auto info = pair.target->find("mlflow", "lab/1/empty");
  REQUIRE(info);
  CHECK(info->headers.content_type == "text/x-test");
  CHECK(info->headers.user.at("origin") == "here");
  CHECK(info->headers.tags.at("team") == "red");
  CHECK(ObjectSync(*pair.source, *pair.target).compare(everything).different == 0);
}

TEST_CASE("only what differs is copied again", "[migrate]") {
  Pair pair;
  for (int i = 0; i < 1'200; ++i) Pair::put(*pair.source, "k" + std::to_string(i), "same");
  ObjectSync sync(*pair.source, *pair.target);
  CHECK(sync.copy(everything, {}).copied == 1'200);
  CHECK(sync.copy(everything, {}).copied == 0);
  Pair::put(*pair.target, "lab/k7", "edit");
  pair.target->remove("mlflow", "lab/k9");
  const ObjectCount left = sync.compare(everything);
  CHECK(left.different == 2);
  CHECK_FALSE(left.first_different.empty());
  CHECK(sync.copy(everything, {}).copied == 2);
  CHECK(sync.compare(everything).different == 0);
}

TEST_CASE("objects of parts are compared by their content", "[migrate]") {
  Pair pair;
  const std::string content((std::size_t{5} << 20) + 100, 'p');
  put_in_parts(*pair.source, "model", content);
  ObjectSync sync(*pair.source, *pair.target);
  CHECK(sync.copy(everything, {}).copied == 1);
  CHECK(pair.target->find("mlflow", "lab/model")->etag !=
        pair.source->find("mlflow", "model")->etag);
  CHECK(sync.copy(everything, {}).copied == 0);
  std::string other = content;
  other.back() = 'q';
  Pair::put(*pair.target, "lab/model", other);
  CHECK(sync.compare(everything).different == 1);
}

TEST_CASE("only keys below the prefix move", "[migrate]") {
  Pair pair;
  Pair::put(*pair.source, "lab/1/x", "in");
  Pair::put(*pair.source, "laboratory", "out");
  const ObjectMove move{"mlflow", "lab/", "mlflow", ""};
  CHECK(ObjectSync(*pair.source, *pair.target).copy(move, {}).copied == 1);
  CHECK(content(*pair.target, "1/x") == "in");
  CHECK(content(*pair.target, "laboratory") == "<none>");
}

TEST_CASE("a bucket that is missing ends it with its name", "[migrate]") {
  Pair pair;
  Pair::put(*pair.source, "x", "x");
  ObjectSync sync(*pair.source, *pair.target);
  CHECK_THROWS_AS(sync.copy({"mlflow", "", "nowhere", ""}, {}), store::Fault);
}
