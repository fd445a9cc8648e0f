#include "trainers/vision/images.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <catch2/catch.hpp>

using namespace trainers::vision;

namespace {

// Images whose every byte says where it stands.
Images numbered(std::size_t count, std::size_t width, std::size_t height) {
  Images images{width, height, {}, {}};
  for (std::size_t i = 0; i < count * images.image_bytes(); ++i) {
    images.pixels.push_back(static_cast<std::uint8_t>(i * 7 % 251));
  }
  for (std::size_t i = 0; i < count; ++i) images.labels.push_back(static_cast<std::int32_t>(i));
  return images;
}

const PerChannel mean{0.5F, 0.4F, 0.3F};
const PerChannel deviation{0.25F, 0.2F, 0.1F};

float normal(std::uint8_t byte, std::size_t channel) {
  return (static_cast<float>(byte) / 255.0F - mean.at(channel)) / deviation.at(channel);
}

// The augmentation said the long way: crop from a padded image, then mirror.
std::vector<float> cropped(
    const Images& images, std::size_t place, int right, int down, bool flip) {
  const int width = static_cast<int>(images.width);
  const int height = static_cast<int>(images.height);
  std::vector<float> out;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int from_y = y + down;
      const int from_x = (flip ? width - 1 - x : x) + right;
      const bool inside = from_x >= 0 && from_x < width && from_y >= 0 && from_y < height;
      for (std::size_t channel = 0; channel < channels; ++channel) {
        const std::size_t at = place * images.image_bytes() +
                               static_cast<std::size_t>(from_y * width + from_x) * 3 + channel;
        out.push_back(normal(inside ? images.pixels[at] : 0, channel));
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("a plain batch is every byte normalised, in its place", "[vision]") {
  const Images images = numbered(3, 5, 4);
  const BatchMaker maker(images, mean, deviation);
  std::vector<float> out(2 * images.image_bytes());
  const std::vector<std::size_t> places{2, 0};
  maker.plain(places, out.data());
  for (std::size_t i = 0; i < images.image_bytes(); ++i) {
    CHECK(out[i] == normal(images.pixels[2 * images.image_bytes() + i], i % 3));
    CHECK(out[images.image_bytes() + i] == normal(images.pixels[i], i % 3));
  }
}

TEST_CASE("an augmented image is a mirrored crop of the padded one", "[vision]") {
  const Images images = numbered(1, 9, 7);
  const BatchMaker maker(images, mean, deviation);
  const std::vector<std::size_t> places{0};
  std::set<std::vector<float>> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Chance chance(seed);
    std::vector<float> out(images.image_bytes());
    maker.augmented(places, chance, out.data());
    bool is_one_of_all = false;
    for (int right = -4; right <= 4; ++right) {
      for (int down = -4; down <= 4; ++down) {
        is_one_of_all = is_one_of_all || out == cropped(images, 0, right, down, false) ||
                        out == cropped(images, 0, right, down, true);
      }
    }
    CHECK(is_one_of_all);
    seen.insert(out);
  }
  CHECK(seen.size() > 80);  // of 162
}

TEST_CASE("the same chance makes the same batch, and goes on", "[vision]") {
  const Images images = numbered(4, 8, 8);
  const BatchMaker maker(images, mean, deviation);
  const std::vector<std::size_t> places{0, 1, 2, 3};
  std::vector<float> first(4 * images.image_bytes());
  std::vector<float> again(first.size());
  std::vector<float> next(first.size());
  Chance chance(5);
  maker.augmented(places, chance, first.data());
  maker.augmented(places, chance, next.data());
  Chance same(5);
  maker.augmented(places, same, again.data());
  CHECK(first == again);
  CHECK(first != next);
}

TEST_CASE("a split has every image once and is the same for the same seed", "[vision]") {
  const Split split = split_images(100, 0.1, 3);
  CHECK(split.train.size() == 90);
  std::set<std::size_t> all(split.train.begin(), split.train.end());
  all.insert(split.validation.begin(), split.validation.end());
  CHECK(all.size() == 100);
  CHECK(split_images(100, 0.1, 3).validation == split.validation);
  CHECK(split_images(100, 0.1, 4).validation != split.validation);
  CHECK(split_images(2, 0.001, 1).validation.size() == 1);
  CHECK(split_images(2, 0.9, 1).train.size() == 1);
}

TEST_CASE("fewer images are whole ones with their labels", "[vision]") {
  const Images images = numbered(20, 3, 2);
  const Images some = some_images(images, 5, 1);
  REQUIRE(some.count() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    const auto begin = some.pixels.begin() + static_cast<std::ptrdiff_t>(i * images.image_bytes());
    const auto original = images.pixels.begin() +
                          static_cast<std::ptrdiff_t>(static_cast<std::size_t>(some.labels[i]) *
                                                      images.image_bytes());
    CHECK(std::equal(begin, begin + static_cast<std::ptrdiff_t>(images.image_bytes()), original));
  }
  CHECK(some_images(images, 0, 1).labels == images.labels);
}
