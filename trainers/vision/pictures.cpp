#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>

#include <png.h>
#include <turbojpeg.h>

#include "sandbox/base/error.h"
#include "trainers/vision/datasets.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t edge_max = 16'384;

[[noreturn]] void broken(const fs::path& file, const std::string& why) {
  throw Error(Code::invalid_state, file.string() + " is no picture that can be read: " + why + ".");
}

Picture read_png(const fs::path& file, const std::string& bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
    broken(file, image.message);
  }
  image.format = PNG_FORMAT_RGB;
  if (image.width > edge_max || image.height > edge_max) {
    png_image_free(&image);
    broken(file, "it is too large");
  }
  Picture picture{image.width, image.height, std::vector<std::uint8_t>(PNG_IMAGE_SIZE(image))};
  const png_color white{255, 255, 255};  // behind what is transparent
  if (png_image_finish_read(&image, &white, picture.pixels.data(), 0, nullptr) == 0) {
    broken(file, image.message);
  }
  return picture;
}

struct CloseJpeg {
  void operator()(void* handle) const { tjDestroy(handle); }
};

Picture read_jpeg(const fs::path& file, const std::string& bytes) {
  const std::unique_ptr<void, CloseJpeg> handle(tjInitDecompress());
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto size = static_cast<unsigned long>(bytes.size());
  int width = 0;
  int height = 0;
  int sampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(handle.get(), data, size, &width, &height, &sampling, &colours) != 0) {
    broken(file, tjGetErrorStr2(handle.get()));
  }
  Picture picture{static_cast<std::size_t>(width), static_cast<std::size_t>(height), {}};
  if (picture.width > edge_max || picture.height > edge_max) broken(file, "it is too large");
  picture.pixels.resize(picture.width * picture.height * channels);
  if (tjDecompress2(handle.get(), data, size, picture.pixels.data(), width, 0, height, TJPF_RGB,
                    TJFLAG_ACCURATEDCT) != 0) {
    broken(file, tjGetErrorStr2(handle.get()));
  }
  return picture;
}

// One direction of a resize: for each place of the result, the first place it is made of and how
// much each from there on counts.
struct Weights {
  std::size_t first = 0;
  std::vector<float> parts;
};
std::vector<Weights> triangle(std::size_t from, std::size_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(scale, 1.0);
  std::vector<Weights> all;
  for (std::size_t place = 0; place < to; ++place) {
    const double centre = (static_cast<double>(place) + 0.5) * scale;
    const double begin = std::max(0.0, std::floor(centre - support + 0.5));
    const double end = std::min(static_cast<double>(from), std::floor(centre + support + 0.5));
    Weights weights{static_cast<std::size_t>(begin), {}};
    double sum = 0;
    for (double at = begin; at < end; ++at) {
      const double part = std::max(0.0, 1 - std::abs((at - centre + 0.5) / support));
      weights.parts.push_back(static_cast<float>(part));
      sum += part;
    }
    for (float& part : weights.parts) part = static_cast<float>(part / sum);
    all.push_back(std::move(weights));
  }
  return all;
}

std::uint8_t rounded(float value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
}

}  // namespace

Picture read_picture(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) broken(file, "it cannot be opened");
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (bytes.starts_with("\x89PNG")) return read_png(file, bytes);
  if (bytes.starts_with("\xFF\xD8")) return read_jpeg(file, bytes);
  broken(file, "it is neither PNG nor JPEG");
}

Picture resized(const Picture& picture, std::size_t width, std::size_t height) {
  if (picture.width == width && picture.height == height) return picture;
  const auto across = triangle(picture.width, width);
  Picture narrow{width, picture.height,
                 std::vector<std::uint8_t>(width * picture.height * channels)};
  for (std::size_t y = 0; y < picture.height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      for (std::size_t channel = 0; channel < channels; ++channel) {
        float sum = 0;
        std::size_t at = (y * picture.width + across[x].first) * channels + channel;
        for (const float part : across[x].parts) {
          sum += part * picture.pixels[at];
          at += channels;
        }
        narrow.pixels[(y * width + x) * channels + channel] = rounded(sum);
      }
    }
  }
  const auto down = triangle(picture.height, height);
  const std::size_t row = width * channels;
  Picture result{width, height, std::vector<std::uint8_t>(height * row)};
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t i = 0; i < row; ++i) {
      float sum = 0;
      std::size_t at = down[y].first * row + i;
      for (const float part : down[y].parts) {
        sum += part * narrow.pixels[at];
        at += row;
      }
      result.pixels[y * row + i] = rounded(sum);
    }
  }
  return result;
}

}  // namespace trainers::vision
