#include "trainers/vision/dataset_input.h"

#include <array>
#include <filesystem>
#include <span>

#include "sandbox/base/fields_json.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/text.h"

namespace trainers::vision {

namespace fs = std::filesystem;
using sandbox::JsonWriter;

namespace {

constexpr std::size_t digest_digits = 8;  // as many as MLflow's own

std::string digest_of(const Images& images) {
  sandbox::Digest digest(sandbox::DigestKind::sha256);
  const std::array<std::uint64_t, 2> sizes{images.width, images.height};
  const auto feed = [&](const auto& numbers) {
    const auto bytes = std::as_bytes(std::span(numbers));
    digest.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  feed(sizes);
  feed(images.labels);
  feed(images.pixels);
  return sandbox::hex(digest.finish()).substr(0, digest_digits);
}

std::string object_of(const std::string& name, const std::string& value) {
  std::string json;
  JsonWriter writer(json);
  writer.begin_object();
  writer.name(name);
  writer.value(value);
  writer.end_object();
  return json;
}

// Where the images came from, in the words of mlflow.data.
void set_source(const Dataset& set, DatasetInput& input) {
  if (set.source.starts_with("s3://")) {
    input.source_type = "s3";
    input.source = object_of("uri", set.source);
  } else if (set.is_made_up) {
    input.source_type = "code";
    input.source = R"({"tags": {"mlflow.source.name": "mlops-sandbox train vision"}})";
  } else {
    input.source_type = "local";
    input.source = object_of("uri", fs::absolute(set.source).lexically_normal().string());
  }
}

std::string tensor(const char* type, const std::string& shape) {
  return std::string(R"([{"type": "tensor", "tensor-spec": {"dtype": ")") + type +
         R"(", "shape": [-1)" + shape + "]}}]";
}

}  // namespace

DatasetInput input_of(const Dataset& set, const Images& images, const std::string& context) {
  DatasetInput input;
  input.name = set.name;
  input.digest = digest_of(images);
  input.context = context;
  set_source(set, input);
  const std::string shape = ", " + std::to_string(images.height) + ", " +
                            std::to_string(images.width) + ", " + std::to_string(channels);
  JsonWriter schema(input.schema);
  schema.begin_object();
  schema.name("mlflow_tensorspec");
  schema.begin_object();
  schema.name("features");
  schema.value(tensor("uint8", shape));
  schema.name("targets");
  schema.value(tensor("int32", ""));
  schema.end_object();
  schema.end_object();
  JsonWriter profile(input.profile);
  const auto array = [&](const std::string& name, const std::string& sizes, std::size_t numbers,
                         std::size_t bytes) {
    profile.name(name + "_shape");
    profile.raw("[" + std::to_string(images.count()) + sizes + "]");
    profile.name(name + "_size");
    profile.value(static_cast<std::uint64_t>(numbers));
    profile.name(name + "_nbytes");
    profile.value(static_cast<std::uint64_t>(bytes));
  };
  profile.begin_object();
  array("features", shape, images.pixels.size(), images.pixels.size());
  array("targets", "", images.count(), images.count() * sizeof(std::int32_t));
  profile.end_object();
  return input;
}

}  // namespace trainers::vision
