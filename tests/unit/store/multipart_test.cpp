#include <catch2/catch.hpp>

#include "tests/unit/store/fixture.h"

using namespace store;
using namespace store::testing;

namespace {

StoreOptions small_parts() {
  StoreOptions options;
  options.part_bytes_min = 1'000;
  return options;
}

std::string binary(const std::string& hex) {
  const auto bytes = sandbox::unhex(hex).value();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("parts become one object", "[store]") {
  Fixture lab;
  const auto upload = begin_upload(*lab.store, "lab", "model.bin");
  const auto first = noise(5 << 20, 1);
  const auto second = noise((5 << 20) + 13, 2);
  const auto third = noise(77, 3);
  // Out of order, as parallel clients send them.
  const auto part3 = send_part(*lab.store, upload, 30, third);
  const auto part1 = send_part(*lab.store, upload, 1, first);
  const auto part2 = send_part(*lab.store, upload, 2, second);
  CHECK_FALSE(lab.store->find("lab", "model.bin"));
  CHECK(lab.store->usage("lab").bytes == 0);
  const auto info = lab.store->complete_upload(upload, {part1, part2, part3},
                                               {{"CRC64NVME", "abc", "FULL_OBJECT"}}, {});
  const auto bytes = first + second + third;
  CHECK(info.size == bytes.size());
  CHECK(info.parts == 3);
  CHECK(info.etag ==
        md5_hex(binary(md5_hex(first)) + binary(md5_hex(second)) + binary(md5_hex(third))) + "-3");
  lab.reopen();
  CHECK(get(*lab.store, "lab", "model.bin") == bytes);
  const auto found = lab.store->find("lab", "model.bin").value();
  CHECK(found.etag == info.etag);
  CHECK(found.parts == 3);
  REQUIRE(found.checksums.size() == 1);
  CHECK(found.checksums[0].algorithm == "CRC64NVME");
  CHECK(lab.store->usage("lab").objects == 1);
  CHECK(lab.store->usage("lab").bytes == bytes.size());
  CHECK(fault_of([&] { lab.store->upload("lab", "model.bin", upload.id); }) == "NoSuchUpload");

  const auto reader = lab.store->open("lab", "model.bin");
  const auto parts = reader->parts();
  REQUIRE(parts.size() == 3);
  CHECK(parts[2].number == 30);
  CHECK(parts[1].size == second.size());
  CHECK(parts[0].etag == md5_hex(first));
  for (const auto& [offset, length] :
       std::vector<std::pair<std::size_t, std::size_t>>{{first.size() - 10, 20},
                                                        {first.size(), second.size()},
                                                        {bytes.size() - 78, 78},
                                                        {0, bytes.size()},
                                                        {bytes.size(), 0}}) {
    std::string out;
    reader->read(offset, length, [&](std::string_view piece) { out.append(piece); });
    CHECK(out == bytes.substr(offset, length));
  }
}

TEST_CASE("an upload carries its headers to the object", "[store]") {
  Fixture lab;
  UploadInfo request;
  request.bucket = "lab";
  request.key = "k";
  request.headers.content_type = "image/png";
  request.headers.user = {{"who", "me"}};
  request.checksum_algorithm = "CRC32";
  request.checksum_type = "COMPOSITE";
  const auto created = lab.store->create_upload(request);
  CHECK(created.id.size() == 32);
  CHECK(created.started_ms > 0);
  const auto upload = lab.store->upload("lab", "k", created.id);
  CHECK(upload.checksum_algorithm == "CRC32");
  CHECK(upload.checksum_type == "COMPOSITE");
  CHECK(upload.headers.content_type == "image/png");
  CHECK(upload.started_ms == created.started_ms);
  const auto part = send_part(*lab.store, upload, 1, "x");
  lab.store->complete_upload(upload, {part}, {}, {});
  CHECK(lab.store->find("lab", "k")->headers.user.at("who") == "me");
}

TEST_CASE("a part that is sent again replaces the first", "[store]") {
  Fixture lab;
  const auto upload = begin_upload(*lab.store, "lab", "k");
  const auto old_part = send_part(*lab.store, upload, 1, noise(3'000'000, 1));
  const auto new_part = send_part(*lab.store, upload, 1, noise(2'000'000, 2));
  REQUIRE(lab.store->parts(upload, 0, 100).size() == 1);
  CHECK(lab.store->parts(upload, 0, 100)[0].size == 2'000'000);
  CHECK(fault_of([&] { lab.store->complete_upload(upload, {old_part}, {}, {}); }) == "InvalidPart");
  lab.store->complete_upload(upload, {new_part}, {}, {});
  CHECK(get(*lab.store, "lab", "k") == noise(2'000'000, 2));
  CHECK(eventually([&] { return lab.directory.bytes() < 2'700'000; }));
}

TEST_CASE("completing refuses what S3 refuses", "[store]") {
  Fixture lab;
  const auto upload = begin_upload(*lab.store, "lab", "k");
  auto complete = [&](const std::vector<CompletedPart>& parts, const WriteConditions& when = {}) {
    return fault_of([&] { lab.store->complete_upload(upload, parts, {}, when); });
  };
  const auto part1 = send_part(*lab.store, upload, 1, noise(10, 1));
  const auto part2 = send_part(*lab.store, upload, 2, noise(10, 2));
  CHECK(complete({part2, part1}) == "InvalidPartOrder");
  CHECK(complete({part1, part1}) == "InvalidPartOrder");
  CHECK(complete({part1, part2}) == "EntityTooSmall");
  CHECK(complete({{.number = 3, .etag = part1.etag, .checksums = {}}}) == "InvalidPart");
  CHECK(complete({{.number = 1, .etag = part2.etag, .checksums = {}}}) == "InvalidPart");
  CHECK(complete({part1, {.number = 2, .etag = "no", .checksums = {}}}) == "EntityTooSmall");
  CHECK(complete({{.number = 1,
                   .etag = part1.etag,
                   .checksums = {{.algorithm = "CRC32", .value = "wrong", .type = {}}}}}) ==
        "InvalidPart");
  WriteConditions match;
  match.if_match = "*";
  CHECK(complete({part1}, match) == "NoSuchKey");
  put(*lab.store, "lab", "k", "there");
  WriteConditions none;
  none.if_none_match = true;
  CHECK(complete({part1}, none) == "PreconditionFailed");
  CHECK(get(*lab.store, "lab", "k") == "there");
  CHECK(complete({part1}, match).empty());
  CHECK(get(*lab.store, "lab", "k") == noise(10, 1));
  CHECK(complete({part1}) == "NoSuchUpload");
  CHECK(lab.store->usage("lab").objects == 1);
  CHECK(lab.store->usage("lab").bytes == 10);
}

TEST_CASE("a part keeps the checksums that come with it", "[store]") {
  Fixture lab;
  const auto upload = begin_upload(*lab.store, "lab", "k");
  const auto writer = lab.store->begin_part(upload, 1);
  writer->write("x");
  const Checksum crc{.algorithm = "CRC32", .value = "jNtiiQ==", .type = "FULL_OBJECT"};
  const auto sent = writer->commit({}, {crc});
  REQUIRE(lab.store->parts(upload, 0, 1)[0].checksums.size() == 1);
  CHECK(lab.store->parts(upload, 0, 1)[0].checksums[0].value == crc.value);
  lab.store->complete_upload(upload, {{.number = 1, .etag = sent.etag, .checksums = {crc}}}, {},
                             {});
  CHECK(lab.store->open("lab", "k")->parts()[0].checksums[0].value == crc.value);
}

TEST_CASE("completing with some of the parts gives the others up", "[store]") {
  Fixture lab(small_parts());
  const auto upload = begin_upload(*lab.store, "lab", "k");
  std::vector<CompletedPart> sent;
  for (int i = 1; i <= 5; ++i) {
    sent.push_back(
        send_part(*lab.store, upload, i, noise(1'000'000, static_cast<std::uint64_t>(i))));
  }
  lab.store->complete_upload(upload, {sent[1], sent[3]}, {}, {});
  CHECK(get(*lab.store, "lab", "k") == noise(1'000'000, 2) + noise(1'000'000, 4));
  CHECK(eventually([&] { return lab.directory.bytes() < 2'700'000; }));
  CHECK(get(*lab.store, "lab", "k") == noise(1'000'000, 2) + noise(1'000'000, 4));
  lab.store->remove("lab", "k");
  CHECK(eventually([&] { return lab.directory.bytes() < 700'000; }));
}

TEST_CASE("an aborted upload leaves nothing", "[store]") {
  Fixture lab;
  const auto upload = begin_upload(*lab.store, "lab", "k");
  send_part(*lab.store, upload, 1, noise(3'000'000));
  send_part(*lab.store, upload, 2, "small");
  send_part(*lab.store, upload, 3, "");
  auto late = lab.store->begin_part(upload, 4);
  late->write(noise(1'000'000));
  lab.store->abort_upload(upload);
  CHECK(fault_of([&] { late->commit({}); }) == "NoSuchUpload");
  CHECK(fault_of([&] { lab.store->abort_upload(upload); }) == "NoSuchUpload");
  CHECK(fault_of([&] { lab.store->begin_part(upload, 1); }) == "NoSuchUpload");
  CHECK(fault_of([&] { lab.store->parts(upload, 0, 10); }) == "NoSuchUpload");
  CHECK(lab.store->uploads("lab", "", "", "", 10).empty());
  CHECK(eventually([&] { return lab.directory.bytes() < 600'000; }));
}

TEST_CASE("a part's number is between 1 and 10000", "[store]") {
  Fixture lab;
  const auto upload = begin_upload(*lab.store, "lab", "k");
  CHECK(fault_of([&] { lab.store->begin_part(upload, 0); }) == "InvalidArgument");
  CHECK(fault_of([&] { lab.store->begin_part(upload, 10'001); }) == "InvalidArgument");
  send_part(*lab.store, upload, 10'000, "x");
  send_part(*lab.store, upload, 255, "x");
  send_part(*lab.store, upload, 256, "x");
  auto numbers = [&](int after, int parts_max) {
    std::vector<int> out;
    for (const auto& part : lab.store->parts(upload, after, parts_max)) out.push_back(part.number);
    return out;
  };
  CHECK(numbers(0, 100) == std::vector{255, 256, 10'000});
  CHECK(numbers(255, 1) == std::vector{256});
  CHECK(numbers(256, 5) == std::vector{10'000});
  CHECK(numbers(10'000, 5).empty());
}

TEST_CASE("uploads are listed by key and id", "[store]") {
  Fixture lab;
  const auto b1 = begin_upload(*lab.store, "lab", "b");
  const auto b2 = begin_upload(*lab.store, "lab", "b");
  const auto nul = begin_upload(*lab.store, "lab", std::string("a\0x", 3));
  const auto a = begin_upload(*lab.store, "lab", "a");
  const auto c = begin_upload(*lab.store, "lab", "dir/c");
  auto list = [&](const std::string& prefix, const std::string& key_after,
                  const std::string& id_after, int uploads_max) {
    std::vector<std::string> out;
    for (const auto& one : lab.store->uploads("lab", prefix, key_after, id_after, uploads_max)) {
      out.push_back(one.id);
    }
    return out;
  };
  const auto low = std::min(b1.id, b2.id);
  const auto high = std::max(b1.id, b2.id);
  using Ids = std::vector<std::string>;
  CHECK(list("", "", "", 10) == Ids{a.id, nul.id, low, high, c.id});
  CHECK(list("", "", "", 2) == Ids{a.id, nul.id});
  CHECK(list("", "b", low, 10) == Ids{high, c.id});
  CHECK(list("", "b", "", 10) == Ids{c.id});
  CHECK(list("", "a", "", 1) == Ids{nul.id});
  CHECK(list("dir/", "", "", 10) == Ids{c.id});
  CHECK(list("dir/", "a", "", 10) == Ids{c.id});
  CHECK(list("a", "", "", 10) == Ids{a.id, nul.id});
  CHECK(lab.store->uploads("lab", "", "", "", 10)[1].key == nul.key);
  CHECK(fault_of([&] { lab.store->upload("lab", "b", a.id); }) == "NoSuchUpload");
}

TEST_CASE("an object of more parts than a page holds", "[store]") {
  auto options = small_parts();
  options.part_bytes_min = 0;
  Fixture lab(options);
  const auto upload = begin_upload(*lab.store, "lab", "k");
  std::vector<CompletedPart> parts;
  std::string bytes;
  for (int i = 1; i <= 1'100; ++i) {
    const auto piece = std::to_string(i);
    bytes += piece;
    parts.push_back(send_part(*lab.store, upload, i, piece));
  }
  CHECK(lab.store->complete_upload(upload, parts, {}, {}).parts == 1'100);
  CHECK(get(*lab.store, "lab", "k") == bytes);
  CHECK(lab.store->list("lab", {}).objects[0].size == bytes.size());
}
