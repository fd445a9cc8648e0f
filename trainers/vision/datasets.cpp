#include "trainers/vision/datasets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "trainers/download.h"
#include "trainers/s3_copies.h"
#include "trainers/s3_file.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t made_up_train = 2'000;
constexpr std::size_t made_up_test = 500;
constexpr std::string_view folder_word = "folder:";

// Where one of the official files may lie: as it was said, or where torchvision puts it.
std::optional<fs::path> find_file(const fs::path& place, const std::string& name) {
  for (const fs::path& candidate :
       {place / name, place / "FashionMNIST" / "raw" / name, place / "raw" / name}) {
    if (fs::is_regular_file(candidate)) return candidate;
  }
  return std::nullopt;
}

std::string megabytes(std::uint64_t bytes) {
  return std::to_string(bytes / 1'000'000) + " MB";
}

void get_file(const VisionSettings& settings,
              const OfficialSet& set,
              std::size_t index,
              const fs::path& file,
              const DatasetTalk& talk) {
  const OfficialFile& official = set.files.at(index);
  std::string url(settings.data_url.empty() ? set.url : std::string_view(settings.data_url));
  if (!url.ends_with('/')) url += '/';
  Download what;
  what.url = url + std::string(official.name);
  what.file = file;
  what.digest = official.md5;
  if (!settings.data_digest.empty()) {
    const auto digests = sandbox::split(settings.data_digest, ',');
    if (digests.size() != set.files.size()) {
      throw Error(Code::invalid_parameter_value,
                  "data_digest has " + std::to_string(digests.size()) + " digests, but " +
                      std::string(set.name) + " is " + std::to_string(set.files.size()) +
                      (set.files.size() == 1 ? " file." : " files."));
    }
    what.digest = sandbox::lower(sandbox::trim(digests[index]));
  }
  what.progress = [&](std::uint64_t have, std::uint64_t /*of*/) {
    talk.show_progress("downloading " + std::string(official.name) + ": " + megabytes(have));
  };
  what.is_stopping = talk.is_stopping;
  talk.say("Downloading " + what.url);
  download(what);
  talk.show_progress("");
}

// Copies of what lies on an S3 server.
fs::path copied(const std::string& uri,
                const std::string& cache_directory,
                const std::function<bool(const std::string& name)>& is_wanted,
                const DatasetTalk& talk) {
  talk.say("Reading " + uri);
  sandbox::SystemEnv env;
  S3Copies what;
  what.uri = uri;
  what.cache = cache_directory;
  what.is_wanted = is_wanted;
  what.progress = [&](std::uint64_t objects, std::uint64_t bytes) {
    talk.show_progress("reading " + uri + ": " + std::to_string(objects) + " objects, " +
                       megabytes(bytes) + " new");
  };
  what.is_stopping = talk.is_stopping;
  const fs::path place = fetch_s3_copies(env, sandbox::process_environment(), what);
  talk.show_progress("");
  return place;
}

struct FoundFiles {
  std::vector<fs::path> files;
  bool are_official = true;
  std::string digest;  // of the first
};

FoundFiles find_files(const VisionSettings& settings,
                      const OfficialSet& set,
                      const std::string& cache_directory,
                      const DatasetTalk& talk) {
  const bool is_on_s3 = is_s3_uri(settings.data_path);
  fs::path place = settings.data_path.empty() ? cache_directory : settings.data_path;
  if (is_on_s3) {
    const auto is_official = [&](const std::string& name) {
      return std::any_of(set.files.begin(), set.files.end(),
                         [&](const OfficialFile& file) { return file.name == name; });
    };
    place = copied(settings.data_path, cache_directory, is_official, talk);
  }
  FoundFiles found;
  if (fs::is_regular_file(place)) {
    if (set.files.size() > 1) {
      throw Error(Code::invalid_parameter_value,
                  std::string(set.name) + " is " + std::to_string(set.files.size()) +
                      " files: data_path has to be the directory they lie in, not " +
                      settings.data_path + ".");
    }
    found.files.push_back(place);
  } else if (!settings.data_path.empty() && !fs::exists(place) &&
             (place.extension() == ".gz" || place.extension() == ".tar")) {
    throw Error(Code::invalid_parameter_value, "There is no file " + place.string() + ".");
  } else {
    for (std::size_t i = 0; i < set.files.size(); ++i) {
      const std::string name(set.files[i].name);
      auto file = find_file(place, name);
      if (!file && is_on_s3) {
        throw Error(Code::invalid_parameter_value, settings.data_path + " has no " + name +
                                                       ", which belongs to " +
                                                       std::string(set.name) + ".");
      }
      if (!file) {
        file = place / name;
        get_file(settings, set, i, *file, talk);
      }
      found.files.push_back(*file);
    }
  }
  for (std::size_t i = 0; i < found.files.size(); ++i) {
    const std::string digest = digest_of_file(sandbox::DigestKind::md5, found.files[i]);
    if (i == 0) found.digest = digest;
    if (digest != set.files[i].md5) found.are_official = false;
  }
  return found;
}

Dataset read_official(const VisionSettings& settings,
                      const std::string& cache_directory,
                      const DatasetTalk& talk) {
  const OfficialSet& set = official_set(settings.dataset);
  const FoundFiles found = find_files(settings, set, cache_directory, talk);
  const bool is_on_s3 = is_s3_uri(settings.data_path);
  const std::string source = is_on_s3 ? settings.data_path : found.files[0].string();
  const std::string differs =
      "Its MD5 is " + found.digest + ", the official file's is " + std::string(set.files[0].md5);
  Dataset dataset;
  try {
    dataset = set.files.size() > 1 ? read_fashion_mnist(found.files)
                                   : read_cifar(found.files[0], settings.dataset == "CIFAR100");
  } catch (const Error& error) {
    if (found.are_official) throw;
    throw Error(error.code(), error.message() + " " + differs +
                                  ": it is damaged or something else. " +
                                  (is_on_s3 ? "It was read from " + source +
                                                  "; put the right one "
                                                  "there"
                                            : "Remove it to download it again") +
                                  ", or name another with --data-path.");
  }
  if (!found.are_official) {
    talk.say(source + " is not the official " + std::string(set.name) + ". " + differs + ".");
  }
  dataset.source = source;
  dataset.digest = found.digest;
  return dataset;
}

Dataset read_folder(const VisionSettings& settings,
                    const std::string& cache_directory,
                    const DatasetTalk& talk) {
  const std::string place = settings.dataset.substr(folder_word.size());
  const auto size = static_cast<std::size_t>(settings.image_size);
  const auto seed = static_cast<std::uint64_t>(settings.seed);
  if (!is_s3_uri(place)) return read_image_folder(place, size, seed, talk);
  const fs::path folder = copied(place, cache_directory, is_picture_name, talk);
  try {
    Dataset set = read_image_folder(folder, size, seed, talk);
    set.source = place;
    return set;
  } catch (const Error& error) {
    throw Error(error.code(), error.message() + " It was copied from " + place + ".");
  }
}

void check_sizes(const Dataset& set) {
  if (set.train.count() == 0 || set.test.count() == 0) {
    throw Error(Code::invalid_state, "The dataset " + set.name + " has " +
                                         std::to_string(set.train.count()) + " training and " +
                                         std::to_string(set.test.count()) +
                                         " test images; both are needed.");
  }
}

}  // namespace

const OfficialSet& official_set(std::string_view name) {
  static const std::vector<OfficialSet> sets{
      {"CIFAR10",
       "https://www.cs.toronto.edu/~kriz/",
       {{"cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"}}},
      {"CIFAR100",
       "https://www.cs.toronto.edu/~kriz/",
       {{"cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"}}},
      {"FashionMNIST",
       "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
       {{"train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
        {"train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"},
        {"t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"},
        {"t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"}}},
  };
  const auto found = std::find_if(sets.begin(), sets.end(),
                                  [&](const OfficialSet& set) { return set.name == name; });
  if (found == sets.end()) {
    throw Error(Code::invalid_parameter_value, "There is no dataset " + std::string(name) + ".");
  }
  return *found;
}

Dataset made_up_images(std::size_t train, std::size_t test, std::uint64_t seed) {
  constexpr std::size_t edge = 32;
  constexpr std::size_t kinds = 10;
  Dataset set;
  set.name = "synthetic";
  set.source = "made up";
  set.is_made_up = true;
  set.deviation = {0.25F, 0.25F, 0.25F};
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    set.classes.push_back("stripes " + std::to_string(kind));
  }
  Chance chance(Chance::mix(seed, 2));
  const auto fill = [&](Images& images, std::size_t count) {
    images.width = images.height = edge;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t kind = chance.below(kinds);
      const double angle = 0.31 * static_cast<double>(kind);
      const double phase = 0.01 * static_cast<double>(chance.below(628));
      images.labels.push_back(static_cast<std::int32_t>(kind));
      for (std::size_t at = 0; at < edge * edge; ++at) {
        const double along = std::cos(angle) * static_cast<double>(at % edge) +
                             std::sin(angle) * static_cast<double>(at / edge);
        const double wave =
            128 + 60 * std::sin(along * (0.4 + 0.08 * static_cast<double>(kind)) + phase);
        for (std::size_t channel = 0; channel < channels; ++channel) {
          const double noise = static_cast<double>(chance.below(80)) - 40;
          const double tint = channel == kind % channels ? 1.2 : 0.8;
          images.pixels.push_back(
              static_cast<std::uint8_t>(std::clamp(wave * tint + noise, 0.0, 255.0)));
        }
      }
    }
  };
  fill(set.train, train);
  fill(set.test, test);
  return set;
}

Dataset open_dataset(const VisionSettings& settings,
                     const std::string& cache_directory,
                     const DatasetTalk& talk) {
  const auto train = static_cast<std::size_t>(settings.train_images);
  const auto test = static_cast<std::size_t>(settings.test_images);
  const auto seed = static_cast<std::uint64_t>(settings.seed);
  if (settings.dataset == "synthetic") {
    return made_up_images(train == 0 ? made_up_train : train, test == 0 ? made_up_test : test,
                          seed);
  }
  Dataset set = settings.dataset.starts_with(folder_word)
                    ? read_folder(settings, cache_directory, talk)
                    : read_official(settings, cache_directory, talk);
  set.train = some_images(set.train, train, Chance::mix(seed, 3));
  set.test = some_images(set.test, test, Chance::mix(seed, 4));
  check_sizes(set);
  return set;
}

}  // namespace trainers::vision
