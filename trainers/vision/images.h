// Labelled pictures in memory, and how they become batches. No Torch.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace trainers::vision {

inline constexpr std::size_t channels = 3;
using PerChannel = std::array<float, channels>;

// Pictures of one size, decoded once: bytes in the order image, row, column, channel (RGB).
struct Images {
  std::size_t width = 0;
  std::size_t height = 0;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;  // places in Dataset::classes

  [[nodiscard]] std::size_t count() const { return labels.size(); }
  [[nodiscard]] std::size_t image_bytes() const { return width * height * channels; }
};

struct Dataset {
  std::string name;
  std::vector<std::string> classes;
  Images train;
  Images test;
  // What bytes / 255 are normalised with.
  PerChannel mean{0.5F, 0.5F, 0.5F};
  PerChannel deviation{0.5F, 0.5F, 0.5F};
  std::string source;  // where it was read from
  std::string digest;  // of that
  bool is_made_up = false;
};

// Which images of a set train and which validate: a cut through a shuffled order, the same for the
// same seed. At least one lands on either side where there are two.
struct Split {
  std::vector<std::size_t> train;
  std::vector<std::size_t> validation;
};
Split split_images(std::size_t count, double validation_fraction, std::uint64_t seed);

// The first `count` of the set in a shuffled order, or all for 0: smaller sets for quick tries.
Images some_images(const Images& images, std::size_t count, std::uint64_t seed);

// A small generator whose numbers are the same everywhere: SplitMix64.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  // From 0 up to `end`, not `end` itself.
  std::size_t below(std::size_t end);
  // One seed of two numbers, for streams that must not depend on each other.
  static std::uint64_t mix(std::uint64_t seed, std::uint64_t stream);

 private:
  std::uint64_t state_;
};

void shuffle(std::vector<std::size_t>& places, Chance& chance);

// Turns pictures into what a network eats: normalised floats in the order image, row, column,
// channel (channels_last), through a table of 256 floats a channel.
class BatchMaker {
 public:
  BatchMaker(const Images& images, const PerChannel& mean, const PerChannel& deviation);

  // `out` has room for places.size() images. Nothing of it is left to chance.
  void plain(std::span<const std::size_t> places, float* out) const;
  // Each image is moved by up to `padding` pixels in both directions, black comes in at its edges,
  // and half of them are mirrored. Which, `chance` says.
  void augmented(std::span<const std::size_t> places, Chance& chance, float* out) const;

  static constexpr int padding = 4;

 private:
  void copy(const std::uint8_t* image, int right, int down, bool mirrored, float* out) const;

  const Images& images_;
  std::array<std::array<float, 256>, channels> table_{};
};

}  // namespace trainers::vision
