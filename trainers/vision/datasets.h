// Where images come from: the official archives, a folder of pictures, or a made-up set. No Torch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "trainers/vision/images.h"
#include "trainers/vision/settings.h"

namespace trainers::vision {

// How the reading of a set speaks to the person.
struct DatasetTalk {
  std::function<void(const std::string& line)> say;
  std::function<void(const std::string& line)> show_progress;
  std::function<bool()> is_stopping;
};

// The set that the settings name, cut down to train_images and test_images. An archive that is not
// where the settings say is downloaded there; what lies on an S3 server is copied below the cache
// directory. Throws Error that names the file and what is wrong.
Dataset open_dataset(const VisionSettings& settings,
                     const std::string& cache_directory,
                     const DatasetTalk& talk);

// A file of an official set.
struct OfficialFile {
  std::string_view name;
  std::string_view md5;
};
struct OfficialSet {
  std::string_view name;
  std::string_view url;  // of their directory, with its slash
  std::vector<OfficialFile> files;
};
const OfficialSet& official_set(std::string_view name);

// Each reads files in the official format; they throw Error for what is not in that format.
Dataset read_cifar(const std::filesystem::path& archive, bool has_100_classes);
// The four files in the order of the official set.
Dataset read_fashion_mnist(const std::vector<std::filesystem::path>& files);

// Ends in .png, .jpg or .jpeg.
bool is_picture_name(const std::string& name);

// PATH/train/CLASS/… and PATH/test/CLASS/…, or PATH/CLASS/… of which a fifth is for testing. The
// classes are the folders' names in order. Pictures are brought to `size` x `size` pixels, 0 takes
// the first one's width.
Dataset read_image_folder(const std::filesystem::path& path,
                          std::size_t size,
                          std::uint64_t seed,
                          const DatasetTalk& talk);

// Ten kinds of coloured stripes with noise, 32 x 32: something to learn where there is no data.
Dataset made_up_images(std::size_t train, std::size_t test, std::uint64_t seed);

// A PNG or JPEG file as RGB bytes. Throws Error that names the file.
struct Picture {
  std::size_t width = 0;
  std::size_t height = 0;
  std::vector<std::uint8_t> pixels;
};
Picture read_picture(const std::filesystem::path& file);
// By triangle filter in both directions, as Pillow's BILINEAR.
Picture resized(const Picture& picture, std::size_t width, std::size_t height);

}  // namespace trainers::vision
