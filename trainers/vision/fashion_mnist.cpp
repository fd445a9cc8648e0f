#include <array>
#include <memory>

#include <zlib.h>

#include "sandbox/base/error.h"
#include "trainers/vision/datasets.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} << 30;

struct CloseGzip {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

[[noreturn]] void broken(const fs::path& file, const std::string& why) {
  throw Error(Code::invalid_state, file.string() + " cannot be read: " + why + ".");
}

std::vector<std::uint8_t> unzipped(const fs::path& path) {
  const std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
  if (!file) broken(path, "it cannot be opened");
  std::vector<std::uint8_t> bytes;
  std::array<std::uint8_t, 1 << 16> piece{};
  while (true) {
    const int count = gzread(file.get(), piece.data(), piece.size());
    if (count < 0) {
      int number = 0;
      broken(path, std::string("it is no whole gzip file (") + gzerror(file.get(), &number) + ")");
    }
    if (count == 0) break;
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + count);
    if (bytes.size() > file_bytes_max) broken(path, "it is far too large");
  }
  // gzread ends quietly where a cut-off file ends.
  int number = Z_OK;
  gzerror(file.get(), &number);
  if (number != Z_OK && number != Z_STREAM_END) broken(path, "it ends too early");
  return bytes;
}

std::size_t number_at(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  return (static_cast<std::size_t>(bytes[at]) << 24U) |
         (static_cast<std::size_t>(bytes[at + 1]) << 16U) |
         (static_cast<std::size_t>(bytes[at + 2]) << 8U) | bytes[at + 3];
}

// An idx file: 0, 0, 8 for bytes, how many sizes; the sizes in four bytes each; the bytes.
struct Idx {
  std::vector<std::size_t> sizes;
  std::vector<std::uint8_t> bytes;  // with the head
  std::size_t begin = 0;
};
Idx read_idx(const fs::path& path, std::size_t dimensions) {
  Idx idx{{}, unzipped(path), 4 + 4 * dimensions};
  const std::vector<std::uint8_t>& bytes = idx.bytes;
  if (bytes.size() < idx.begin || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 ||
      bytes[3] != dimensions) {
    broken(path, "it is no idx file of bytes with " + std::to_string(dimensions) + " dimensions");
  }
  std::size_t count = 1;
  for (std::size_t i = 0; i < dimensions; ++i) {
    idx.sizes.push_back(number_at(bytes, 4 + 4 * i));
    if (idx.sizes.back() > file_bytes_max) broken(path, "a size in it is far too large");
    count *= idx.sizes.back();
  }
  if (bytes.size() != idx.begin + count) {
    broken(path, "it has " + std::to_string(bytes.size() - idx.begin) +
                     " bytes after its head, which promises " + std::to_string(count));
  }
  return idx;
}

// Grey becomes three equal channels.
Images read_images(const fs::path& image_file, const fs::path& label_file, std::size_t classes) {
  const Idx pictures = read_idx(image_file, 3);
  const Idx labels = read_idx(label_file, 1);
  if (pictures.sizes[0] != labels.sizes[0]) {
    broken(label_file, "it has " + std::to_string(labels.sizes[0]) + " labels for " +
                           std::to_string(pictures.sizes[0]) + " images");
  }
  Images images{pictures.sizes[2], pictures.sizes[1], {}, {}};
  images.pixels.reserve(3 * (pictures.bytes.size() - pictures.begin));
  for (std::size_t i = pictures.begin; i < pictures.bytes.size(); ++i) {
    images.pixels.insert(images.pixels.end(), channels, pictures.bytes[i]);
  }
  for (std::size_t i = labels.begin; i < labels.bytes.size(); ++i) {
    if (labels.bytes[i] >= classes) {
      broken(label_file, "it has a label " + std::to_string(labels.bytes[i]) + ", but there are " +
                             std::to_string(classes) + " classes");
    }
    images.labels.push_back(labels.bytes[i]);
  }
  return images;
}

}  // namespace

Dataset read_fashion_mnist(const std::vector<fs::path>& files) {
  Dataset set;
  set.name = "FashionMNIST";
  set.classes = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                 "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  set.train = read_images(files.at(0), files.at(1), set.classes.size());
  set.test = read_images(files.at(2), files.at(3), set.classes.size());
  set.mean = {0.2860F, 0.2860F, 0.2860F};
  set.deviation = {0.3530F, 0.3530F, 0.3530F};
  return set;
}

}  // namespace trainers::vision
