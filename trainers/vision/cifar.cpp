#include <algorithm>
#include <array>
#include <map>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "trainers/vision/datasets.h"

namespace trainers::vision {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t edge = 32;
constexpr std::size_t plane_bytes = edge * edge;
constexpr std::size_t file_bytes_max = std::size_t{1} << 30;

struct FreeArchive {
  void operator()(struct archive* archive) const { archive_read_free(archive); }
};

[[noreturn]] void broken(const fs::path& archive, const std::string& why) {
  throw Error(Code::invalid_state,
              archive.string() + " cannot be read as an archive: " + why + ".");
}

std::string reason_of(struct archive* archive) {
  const char* reason = archive_error_string(archive);
  return reason == nullptr ? "unknown reason" : reason;
}

std::string entry_bytes(struct archive* archive, const fs::path& path) {
  std::string bytes;
  std::string piece(std::size_t{256} << 10, '\0');
  while (true) {
    const la_ssize_t count = archive_read_data(archive, piece.data(), piece.size());
    if (count == 0) return bytes;
    if (count < 0) broken(path, reason_of(archive));
    bytes.append(piece, 0, static_cast<std::size_t>(count));
    if (bytes.size() > file_bytes_max) broken(path, "a file in it is far too large");
  }
}

// The files of the archive by their last name.
std::map<std::string, std::string> read_archive(const fs::path& path) {
  const std::unique_ptr<struct archive, FreeArchive> archive(archive_read_new());
  archive_read_support_filter_all(archive.get());
  archive_read_support_format_tar(archive.get());
  if (archive_read_open_filename(archive.get(), path.c_str(), 1 << 18) != ARCHIVE_OK) {
    broken(path, reason_of(archive.get()));
  }
  std::map<std::string, std::string> files;
  struct archive_entry* entry = nullptr;
  while (true) {
    const int result = archive_read_next_header(archive.get(), &entry);
    if (result == ARCHIVE_EOF) return files;
    if (result < ARCHIVE_WARN) broken(path, reason_of(archive.get()));
    if (archive_entry_filetype(entry) != AE_IFREG) continue;
    const std::string name = fs::path(archive_entry_pathname(entry)).filename().string();
    if (name.ends_with(".bin") || name.ends_with(".txt")) {
      files[name] = entry_bytes(archive.get(), path);
    }
  }
}

std::vector<std::string> class_names(const std::string& text, std::size_t count) {
  std::vector<std::string> names;
  for (const std::string& line : sandbox::split(text, '\n')) {
    const std::string name(sandbox::trim(line));
    if (!name.empty()) names.push_back(name);
  }
  names.resize(std::min(names.size(), count));
  while (names.size() < count) names.push_back("class " + std::to_string(names.size()));
  return names;
}

struct Format {
  std::size_t label_bytes;  // the last of them counts
  std::size_t classes;
};

// A record is its labels, then a plane of each colour.
void add_records(const std::string& bytes,
                 const Format& format,
                 const std::string& name,
                 Images& images) {
  const std::size_t record = format.label_bytes + channels * plane_bytes;
  if (bytes.empty() || bytes.size() % record != 0) {
    throw Error(Code::invalid_state, name + " in the archive has " + std::to_string(bytes.size()) +
                                         " bytes, which is no whole number of records of " +
                                         std::to_string(record) + ".");
  }
  images.width = images.height = edge;
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    const auto label = static_cast<std::uint8_t>(bytes[at + format.label_bytes - 1]);
    if (label >= format.classes) {
      throw Error(Code::invalid_state, name + " in the archive has a label " +
                                           std::to_string(label) + ", but there are " +
                                           std::to_string(format.classes) + " classes.");
    }
    images.labels.push_back(label);
    const char* planes = bytes.data() + at + format.label_bytes;
    const std::size_t begin = images.pixels.size();
    images.pixels.resize(begin + channels * plane_bytes);
    std::uint8_t* out = images.pixels.data() + begin;
    for (std::size_t pixel = 0; pixel < plane_bytes; ++pixel) {
      for (std::size_t channel = 0; channel < channels; ++channel) {
        *out++ = static_cast<std::uint8_t>(planes[channel * plane_bytes + pixel]);
      }
    }
  }
}

const std::string& file_named(const std::map<std::string, std::string>& files,
                              const std::string& name,
                              const fs::path& archive) {
  const auto found = files.find(name);
  if (found == files.end()) {
    throw Error(Code::invalid_state,
                archive.string() + " has no " + name +
                    " in it. The binary version of the set is "
                    "wanted (\"for C programs\" on its page), not the Python one.");
  }
  return found->second;
}

}  // namespace

Dataset read_cifar(const fs::path& archive, bool has_100_classes) {
  const auto files = read_archive(archive);
  Dataset set;
  if (has_100_classes) {
    const Format format{2, 100};
    set.name = "CIFAR100";
    set.classes = class_names(file_named(files, "fine_label_names.txt", archive), 100);
    add_records(file_named(files, "train.bin", archive), format, "train.bin", set.train);
    add_records(file_named(files, "test.bin", archive), format, "test.bin", set.test);
    set.mean = {0.5071F, 0.4865F, 0.4409F};
    set.deviation = {0.2673F, 0.2564F, 0.2762F};
    return set;
  }
  const Format format{1, 10};
  set.name = "CIFAR10";
  set.classes = class_names(file_named(files, "batches.meta.txt", archive), 10);
  for (int i = 1; i <= 5; ++i) {
    const std::string name = "data_batch_" + std::to_string(i) + ".bin";
    add_records(file_named(files, name, archive), format, name, set.train);
  }
  add_records(file_named(files, "test_batch.bin", archive), format, "test_batch.bin", set.test);
  set.mean = {0.4914F, 0.4822F, 0.4465F};
  set.deviation = {0.2470F, 0.2435F, 0.2616F};
  return set;
}

}  // namespace trainers::vision
