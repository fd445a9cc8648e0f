#include <algorithm>
#include <array>
#include <cmath>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "trainers/vision/datasets.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr double test_fraction = 0.2;  // of a folder without a train and a test
constexpr std::size_t pixel_bytes_max = std::size_t{8} << 30;
constexpr std::size_t images_between_progress = 200;

struct Labelled {
  fs::path file;
  std::int32_t label = 0;
};

std::vector<std::string> folder_names(const fs::path& path) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && !name.starts_with('.')) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<Labelled> pictures_below(const fs::path& path,
                                     const std::vector<std::string>& classes) {
  std::vector<Labelled> pictures;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    if (!fs::is_directory(path / classes[label])) continue;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(path / classes[label])) {
      if (entry.is_regular_file() && is_picture_name(entry.path().string()))
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (fs::path& file : files) {
      pictures.push_back({std::move(file), static_cast<std::int32_t>(label)});
    }
  }
  return pictures;
}

Images read_all(const std::vector<Labelled>& pictures, std::size_t size, const DatasetTalk& talk) {
  Images images{size, size, {}, {}};
  if (pictures.size() * images.image_bytes() > pixel_bytes_max) {
    throw Error(Code::resource_exhausted,
                std::to_string(pictures.size()) + " images of " + std::to_string(size) +
                    " pixels do not fit into memory. Say a smaller --image-size.");
  }
  images.pixels.reserve(pictures.size() * images.image_bytes());
  for (const Labelled& one : pictures) {
    const Picture picture = resized(read_picture(one.file), size, size);
    images.pixels.insert(images.pixels.end(), picture.pixels.begin(), picture.pixels.end());
    images.labels.push_back(one.label);
    if (images.count() % images_between_progress == 0) {
      talk.show_progress("reading pictures: " + std::to_string(images.count()) + " of " +
                         std::to_string(pictures.size()));
    }
  }
  return images;
}

// Mean and deviation of each channel over all pixels.
void measure(Dataset& set) {
  std::array<double, channels> sums{};
  std::array<double, channels> squares{};
  const std::vector<std::uint8_t>& pixels = set.train.pixels;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const double value = pixels[i] / 255.0;
    sums.at(i % channels) += value;
    squares.at(i % channels) += value * value;
  }
  const double count = static_cast<double>(pixels.size()) / channels;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    const double mean = sums.at(channel) / count;
    const double variance = squares.at(channel) / count - mean * mean;
    set.mean.at(channel) = static_cast<float>(mean);
    // A channel that is the same everywhere says nothing; it must not be blown up either.
    set.deviation.at(channel) = static_cast<float>(variance > 1e-6 ? std::sqrt(variance) : 1.0);
  }
}

}  // namespace

bool is_picture_name(const std::string& name) {
  const std::string extension = sandbox::lower(fs::path(name).extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

Dataset read_image_folder(const fs::path& path,
                          std::size_t size,
                          std::uint64_t seed,
                          const DatasetTalk& talk) {
  if (!fs::is_directory(path)) {
    throw Error(Code::invalid_parameter_value, "There is no folder " + path.string() + ".");
  }
  const bool is_parted = fs::is_directory(path / "train") && fs::is_directory(path / "test");
  const fs::path train_path = is_parted ? path / "train" : path;
  Dataset set;
  set.name = path.lexically_normal().filename().string();
  if (set.name.empty()) set.name = path.lexically_normal().parent_path().filename().string();
  set.classes = folder_names(train_path);
  std::vector<Labelled> train = pictures_below(train_path, set.classes);
  if (set.classes.size() < 2 || train.size() < 2) {
    throw Error(Code::invalid_parameter_value,
                train_path.string() + " has " + std::to_string(set.classes.size()) +
                    " folders with " + std::to_string(train.size()) +
                    " pictures. There have to be two classes at least, a folder each.");
  }
  std::vector<Labelled> test;
  if (is_parted) {
    test = pictures_below(path / "test", set.classes);
  } else {
    const Split split = split_images(train.size(), test_fraction, Chance::mix(seed, 1));
    std::vector<Labelled> rest;
    for (const std::size_t place : split.train) rest.push_back(train[place]);
    for (const std::size_t place : split.validation) test.push_back(train[place]);
    train = std::move(rest);
  }
  if (size == 0) size = read_picture(train.front().file).width;
  set.train = read_all(train, size, talk);
  set.test = read_all(test, size, talk);
  talk.show_progress("");
  measure(set);
  set.source = path.string();
  return set;
}

}  // namespace trainers::vision
