#include <fstream>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/support/temporary_directory.h"
#include "trainers/vision/datasets.h"

using namespace trainers::vision;
using Catch::Contains;

namespace {

Picture picture(std::size_t width,
                std::size_t height,
                std::uint8_t (*value)(std::size_t, std::size_t)) {
  Picture out{width, height, {}};
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      for (std::size_t channel = 0; channel < channels; ++channel) {
        out.pixels.push_back(static_cast<std::uint8_t>(value(x, y) + channel));
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("one colour stays that colour in every size", "[vision]") {
  const Picture plain = picture(7, 5, [](std::size_t, std::size_t) { return std::uint8_t{90}; });
  for (const std::size_t size : {1, 3, 5, 12}) {
    const Picture other = resized(plain, size, size + 1);
    REQUIRE(other.pixels.size() == size * (size + 1) * 3);
    for (std::size_t i = 0; i < other.pixels.size(); ++i) CHECK(other.pixels[i] == 90 + i % 3);
  }
}

TEST_CASE("a picture made smaller is averaged, not sampled", "[vision]") {
  // A chess board of 0 and 200: every place of the half size sees as much of both.
  const Picture board = picture(8, 8, [](std::size_t x, std::size_t y) {
    return static_cast<std::uint8_t>((x + y) % 2 == 0 ? 0 : 200);
  });
  const Picture half = resized(board, 4, 4);
  for (std::size_t i = 0; i < half.pixels.size(); i += 3) {
    CHECK(half.pixels[i] > 60);
    CHECK(half.pixels[i] < 140);
  }
}

TEST_CASE("a slope stays a slope when a picture is made larger", "[vision]") {
  const Picture slope =
      picture(4, 1, [](std::size_t x, std::size_t) { return static_cast<std::uint8_t>(x * 60); });
  const Picture large = resized(slope, 8, 1);
  for (std::size_t x = 1; x < 8; ++x) CHECK(large.pixels[x * 3] >= large.pixels[(x - 1) * 3]);
  CHECK(large.pixels[0] == 0);
  CHECK(large.pixels[7 * 3] == 180);
}

TEST_CASE("what is no picture is refused by name", "[vision]") {
  const sandbox::TemporaryDirectory folder;
  const std::filesystem::path file = folder.path / "note.png";
  std::ofstream(file) << "hello";
  CHECK_THROWS_WITH(read_picture(file), Contains("note.png") && Contains("neither PNG nor JPEG"));
  std::ofstream(file) << "\x89PNG\r\n\x1a\nrubbish";
  CHECK_THROWS_AS(read_picture(file), sandbox::Error);
  std::ofstream(file) << "\xFF\xD8rubbish";
  CHECK_THROWS_AS(read_picture(file), sandbox::Error);
  CHECK_THROWS_WITH(read_picture(file.string() + "x"), Contains("cannot be opened"));
}

TEST_CASE("made-up images are the same for the same seed and say what they are", "[vision]") {
  const Dataset set = made_up_images(50, 10, 1);
  CHECK(set.name == "synthetic");
  CHECK(set.train.count() == 50);
  CHECK(set.test.pixels.size() == 10 * 32 * 32 * 3);
  CHECK(made_up_images(50, 10, 1).train.pixels == set.train.pixels);
  CHECK(made_up_images(50, 10, 2).train.pixels != set.train.pixels);
}

TEST_CASE("the official files are known by address and digest", "[vision]") {
  for (const char* name : {"CIFAR10", "CIFAR100", "FashionMNIST"}) {
    const OfficialSet& set = official_set(name);
    CHECK(set.url.ends_with('/'));
    for (const OfficialFile& file : set.files) CHECK(file.md5.size() == 32);
  }
}
