#include "trainers/vision/images.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace trainers::vision {
namespace {

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> places(count);
  std::iota(places.begin(), places.end(), std::size_t{0});
  Chance chance(seed);
  shuffle(places, chance);
  return places;
}

}  // namespace

std::uint64_t Chance::next() {
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

std::size_t Chance::below(std::size_t end) {
  return static_cast<std::size_t>(next() % end);
}

std::uint64_t Chance::mix(std::uint64_t seed, std::uint64_t stream) {
  return Chance(Chance(seed).next() ^ stream).next();
}

void shuffle(std::vector<std::size_t>& places, Chance& chance) {
  for (std::size_t i = places.size(); i > 1; --i) std::swap(places[i - 1], places[chance.below(i)]);
}

Split split_images(std::size_t count, double validation_fraction, std::uint64_t seed) {
  const std::vector<std::size_t> places = shuffled(count, seed);
  auto cut =
      static_cast<std::size_t>(std::llround(static_cast<double>(count) * validation_fraction));
  if (count > 1) cut = std::clamp<std::size_t>(cut, 1, count - 1);
  const auto middle = places.begin() + static_cast<std::ptrdiff_t>(cut);
  return {{middle, places.end()}, {places.begin(), middle}};
}

Images some_images(const Images& images, std::size_t count, std::uint64_t seed) {
  if (count == 0 || count >= images.count()) return images;
  std::vector<std::size_t> places = shuffled(images.count(), seed);
  places.resize(count);
  Images some{images.width, images.height, {}, {}};
  some.pixels.reserve(count * images.image_bytes());
  for (const std::size_t place : places) {
    const auto begin =
        images.pixels.begin() + static_cast<std::ptrdiff_t>(place * images.image_bytes());
    some.pixels.insert(some.pixels.end(), begin,
                       begin + static_cast<std::ptrdiff_t>(images.image_bytes()));
    some.labels.push_back(images.labels[place]);
  }
  return some;
}

BatchMaker::BatchMaker(const Images& images, const PerChannel& mean, const PerChannel& deviation)
    : images_(images) {
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      table_[channel][byte] =
          (static_cast<float>(byte) / 255.0F - mean[channel]) / deviation[channel];
    }
  }
}

void BatchMaker::plain(std::span<const std::size_t> places, float* out) const {
  for (const std::size_t place : places) {
    copy(images_.pixels.data() + place * images_.image_bytes(), 0, 0, false, out);
    out += images_.image_bytes();
  }
}

void BatchMaker::augmented(std::span<const std::size_t> places, Chance& chance, float* out) const {
  constexpr std::size_t moves = 2 * padding + 1;
  for (const std::size_t place : places) {
    const int right = static_cast<int>(chance.below(moves)) - padding;
    const int down = static_cast<int>(chance.below(moves)) - padding;
    const bool mirrored = chance.below(2) == 1;
    copy(images_.pixels.data() + place * images_.image_bytes(), right, down, mirrored, out);
    out += images_.image_bytes();
  }
}

// The pixel (x, y) of the result is the pixel (x + right, y + down) of the image, read from its
// right end where it is mirrored.
void BatchMaker::copy(
    const std::uint8_t* image, int right, int down, bool mirrored, float* out) const {
  const int width = static_cast<int>(images_.width);
  const int height = static_cast<int>(images_.height);
  const PerChannel black{table_[0][0], table_[1][0], table_[2][0]};
  for (int y = 0; y < height; ++y) {
    const int from_y = y + down;
    const bool is_row_inside = from_y >= 0 && from_y < height;
    const std::uint8_t* row =
        is_row_inside ? image + static_cast<std::ptrdiff_t>(from_y) * width * 3 : image;
    for (int x = 0; x < width; ++x, out += channels) {
      const int from_x = (mirrored ? width - 1 - x : x) + right;
      if (!is_row_inside || from_x < 0 || from_x >= width) {
        std::copy(black.begin(), black.end(), out);
        continue;
      }
      const std::uint8_t* pixel = row + static_cast<std::ptrdiff_t>(from_x) * 3;
      out[0] = table_[0][pixel[0]];
      out[1] = table_[1][pixel[1]];
      out[2] = table_[2][pixel[2]];
    }
  }
}

}  // namespace trainers::vision
