#include "embedded_store/engine/records.h"

#include <catch2/catch.hpp>

#include "embedded_store/engine/keys.h"
#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::engine;
using store::testing::fault_of;

namespace {

std::string bytes(std::initializer_list<int> list) {
  std::string out;
  for (const int one : list) out.push_back(static_cast<char>(one));
  return out;
}

}  // namespace

TEST_CASE("keys have the bytes of their picture", "[store]") {
  CHECK(object_key(258, "a/b") == "O" + bytes({0, 0, 0, 0, 0, 0, 1, 2}) + "a/b");
  CHECK(chunk_key(1, 515) == bytes({0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 3}));
  CHECK(part_key(5, 10'000) == "P" + bytes({0, 0, 0, 0, 0, 0, 0, 5, 0x27, 0x10}));
  CHECK(upload_key(1, std::string("a\0b", 3), "id") ==
        "U" + bytes({0, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0xFF, 'b', 0, 1}) + "id");
  CHECK(counters_key(7) == "C" + bytes({0, 0, 0, 0, 0, 0, 0, 7}));
  CHECK(id_of(garbage_key(1ULL << 60)) == 1ULL << 60);
  CHECK(blob_of(chunk_key(99, 3)) == 99);
  CHECK(part_number_of(part_key(1, 777)) == 777);
}

TEST_CASE("ended keys keep the order of keys and are read back", "[store]") {
  const std::vector<std::string> keys = {std::string("\0", 1),
                                         "a",
                                         std::string("a\0", 2),
                                         std::string("a\0\0", 3),
                                         std::string("a\0\1", 3),
                                         "a\1",
                                         "ab",
                                         "b"};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto name = upload_name_of(upload_key(3, keys[i], "0123"));
    CHECK(name.key == keys[i]);
    CHECK(name.id == "0123");
    if (i > 0) CHECK(upload_key(3, keys[i - 1], "f") < upload_key(3, keys[i], "0"));
  }
}

TEST_CASE("a successor is greater than all that begins alike", "[store]") {
  CHECK(successor("a/") == "a0");
  CHECK(successor("a\xFF\xFF") == "b");
  CHECK(successor("\xFF").empty());
  CHECK(successor("").empty());
}

TEST_CASE("records come back as they were written", "[store]") {
  ObjectRecord record;
  record.data = 300;
  record.blob = {.id = 300,
                 .place = Place::large,
                 .size = 5'000'000'000'000,
                 .chunk_bytes = 262'144,
                 .unknown = {}};
  record.version = 301;
  record.size = record.blob.size;
  record.etag = "0123456789abcdef0123456789abcdef";
  record.modified_ms = 1'700'000'000'000;
  record.headers.user = {{"a", "1"}, {"b", ""}};
  const auto again = decode_object(encode(record));
  CHECK(again.blob.size == record.blob.size);
  CHECK(again.blob.place == Place::large);
  CHECK(again.etag == record.etag);
  CHECK(again.modified_ms == record.modified_ms);
  CHECK(again.headers.content_type == "binary/octet-stream");
  CHECK(again.headers.user == record.headers.user);
  CHECK(encode(again) == encode(record));

  std::vector<PartRecord> manifest(3);
  manifest[1].number = 2;
  manifest[2].checksums = {{"SHA1", "x", "COMPOSITE"}};
  CHECK(decode_manifest(encode(manifest)).size() == 3);
  CHECK(decode_manifest(encode(manifest))[2].checksums[0].type == "COMPOSITE");
  CHECK(decode_garbage(encode(std::vector<Blob>{})).empty());
}

TEST_CASE("an object's record has the bytes of engine/design.md", "[store]") {
  ObjectRecord record;
  record.data = 2;
  record.blob = {.id = 2, .place = Place::small, .size = 2, .chunk_bytes = 262'144, .unknown = {}};
  record.version = 3;
  record.size = 2;
  record.etag = "49f68a5c8493ec2c0bf489821c21fc3b";
  record.modified_ms = 1;
  CHECK(encode(record) ==
        bytes({1, 1, 1, 2, 2, 15, 1, 1, 1, 2, 2, 1, 1, 3, 1, 2, 4, 3, 0x80, 0x80, 0x10}) +
            bytes({3, 1, 3, 4, 1, 2, 6, 32}) + record.etag + bytes({7, 1, 1, 9, 19}) +
            "binary/octet-stream");
}

TEST_CASE("an unknown field is carried along, a critical one is refused", "[store]") {
  BucketRecord record;
  record.id = 9;
  const auto later = encode(record) + bytes({50, 3}) + "new";
  CHECK(encode(decode_bucket(later)) == later);
  const auto critical = encode(record) + bytes({0x80, 0x01, 1}) + "x";
  CHECK(fault_of([&] { decode_bucket(critical); }) == "InternalError");
}

TEST_CASE("damaged records are refused and never read past their end", "[store]") {
  ObjectRecord record;
  record.data = 1;
  record.blob = {.id = 1, .place = Place::small, .size = 10, .chunk_bytes = 262'144, .unknown = {}};
  record.etag = "abc";
  record.headers.tags = {{"k", "v"}};
  record.checksums = {{"CRC32", "AAAA", "FULL_OBJECT"}};
  const auto whole = encode(record);
  int refused = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (!fault_of([&] { decode_object(whole.substr(0, length)); }).empty()) ++refused;
  }
  CHECK(refused > static_cast<int>(whole.size()) / 2);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int value : {0, 1, 127, 128, 255}) {
      auto damaged = whole;
      damaged[at] = static_cast<char>(value);
      fault_of([&] { decode_object(damaged); });
    }
  }
  CHECK(fault_of([&] { decode_object(bytes({2})); }) == "InternalError");
  CHECK(fault_of([&] { decode_object(""); }) == "InternalError");
}
