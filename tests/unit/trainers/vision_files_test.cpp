// Files that are whole or not there, and images as MLflow describes a run's inputs.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/inflate.h"
#include "tests/support/temporary_directory.h"
#include "trainers/vision/careful_file.h"
#include "trainers/vision/dataset_input.h"

using namespace trainers::vision;
using Catch::Contains;

namespace fs = std::filesystem;

namespace {

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

Images four_pixels(std::uint8_t last) {
  return {2, 1, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, last}, {0, 1}};
}

Dataset set_from(const std::string& source) {
  Dataset set;
  set.name = "CIFAR10";
  set.source = source;
  return set;
}

}  // namespace

TEST_CASE("a careful file has its name only once it is whole", "[trainers]") {
  const sandbox::TemporaryDirectory directory;
  const fs::path file = directory.path / "deep" / "file";
  {
    CarefulFile abandoned(file);
    CHECK(abandoned.sink()("half", 4) == 4);
  }
  CHECK(!fs::exists(file));
  CarefulFile whole(file);
  whole.sink()("whole", 5);
  whole.end();
  CHECK(bytes_of(file) == "whole");
  CHECK(files_in(file.parent_path()) == 1);
}

TEST_CASE("a careful file that cannot be written says which", "[trainers]") {
  const sandbox::TemporaryDirectory directory;
  std::ofstream(directory.path / "file") << "in the way";
  const fs::path below = directory.path / "file" / "model.pth";
  CarefulFile file(below);
  file.sink()("lost", 4);
  CHECK_THROWS_WITH(file.end(), Contains(below.string()) && Contains("disk full"));
}

TEST_CASE("a compressed file is gzip's and holds the same bytes", "[trainers]") {
  const sandbox::TemporaryDirectory directory;
  const fs::path from = directory.path / "weights";
  std::string bytes(1'000'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); i += 7) bytes[i] = static_cast<char>(i);
  std::ofstream(from, std::ios::binary) << bytes;
  const fs::path file = directory.path / "weights.gz";
  write_compressed(from, file);
  CHECK(sandbox::inflate(bytes_of(file), sandbox::Compression::gzip, 2'000'000) == bytes);
  CHECK(fs::file_size(file) < bytes.size() / 2);
  CHECK(files_in(directory.path) == 2);
  CHECK_THROWS_WITH(write_compressed(directory.path / "none", file), Contains("none"));
}

TEST_CASE("images are described as an array of bytes and their labels", "[trainers]") {
  const auto input = input_of(set_from("s3://sets/cifar"), four_pixels(12), "training");
  CHECK(input.name == "CIFAR10");
  CHECK(input.context == "training");
  CHECK(input.source_type == "s3");
  CHECK(input.source == R"({"uri":"s3://sets/cifar"})");
  CHECK_THAT(input.schema, Contains(R"(\"dtype\": \"uint8\", \"shape\": [-1, 1, 2, 3])"));
  CHECK(input.profile ==
        R"({"features_shape":[2, 1, 2, 3],"features_size":12,"features_nbytes":12,)"
        R"("targets_shape":[2],"targets_size":2,"targets_nbytes":8})");
}

TEST_CASE("the digest is that of pixels, labels and sizes", "[trainers]") {
  const Dataset set = set_from("/sets/cifar.tar.gz");
  const auto digest = [&](const Images& images) { return input_of(set, images, "x").digest; };
  CHECK(digest(four_pixels(12)).size() == 8);
  CHECK(digest(four_pixels(12)) == digest(four_pixels(12)));
  CHECK(digest(four_pixels(12)) != digest(four_pixels(13)));
  Images turned = four_pixels(12);
  std::swap(turned.labels[0], turned.labels[1]);
  CHECK(digest(four_pixels(12)) != digest(turned));
  Images standing = four_pixels(12);
  std::swap(standing.width, standing.height);
  CHECK(digest(four_pixels(12)) != digest(standing));
}

TEST_CASE("made-up images have no file as their source", "[trainers]") {
  Dataset set = set_from("made up");
  set.is_made_up = true;
  CHECK(input_of(set, four_pixels(1), "training").source_type == "code");
  set.is_made_up = false;
  set.source = "here.tar.gz";
  const auto input = input_of(set, four_pixels(1), "training");
  CHECK(input.source_type == "local");
  CHECK_THAT(input.source, Contains((fs::current_path() / "here.tar.gz").string()));
}
