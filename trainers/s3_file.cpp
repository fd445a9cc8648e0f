#include "trainers/s3_file.h"

#include <fstream>

#include "sandbox/base/error.h"

namespace trainers {

using sandbox::Code;
using sandbox::Error;

namespace fs = std::filesystem;

namespace {

constexpr std::string_view scheme = "s3://";

[[noreturn]] void refuse(const std::string& uri, const std::string& why) {
  throw Error(Code::invalid_parameter_value, uri + " cannot be read: " + why);
}

std::string first_set(const Variables& environment,
                      std::initializer_list<const char*> names,
                      const std::string& otherwise) {
  for (const char* name : names) {
    const auto value = environment(name);
    if (value && !value->empty()) return *value;
  }
  return otherwise;
}

}  // namespace

bool is_s3_uri(std::string_view place) {
  return place.starts_with(scheme);
}

S3Place split_s3_uri(const std::string& uri) {
  const std::string rest = uri.substr(scheme.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string::npos) return {rest, ""};
  return {rest.substr(0, slash), rest.substr(slash + 1)};
}

store::RemoteStoreOptions s3_options(const Variables& environment, const std::string& uri) {
  store::RemoteStoreOptions options;
  options.region = first_set(environment, {"AWS_REGION", "AWS_DEFAULT_REGION"}, "us-east-1");
  options.endpoint =
      first_set(environment, {"MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"},
                "https://s3." + options.region + ".amazonaws.com");
  options.access_key = first_set(environment, {"AWS_ACCESS_KEY_ID"}, "");
  options.secret_key = sandbox::Secret(first_set(environment, {"AWS_SECRET_ACCESS_KEY"}, ""));
  options.session_token = sandbox::Secret(first_set(environment, {"AWS_SESSION_TOKEN"}, ""));
  options.ca_file = first_set(environment, {"AWS_CA_BUNDLE"}, "");
  if (options.access_key.empty() || options.secret_key.empty()) {
    refuse(uri,
           "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set. Those of a running lab are "
           "printed by `mlops-sandbox env`.");
  }
  return options;
}

void fetch_s3_file(sandbox::Env& env,
                   const Variables& environment,
                   const std::string& uri,
                   const fs::path& file) {
  const auto [bucket, key] = split_s3_uri(uri);
  if (bucket.empty() || key.empty()) {
    refuse(uri, "an address of an object is s3://bucket/key.");
  }
  try {
    const auto store = store::open_remote_store(env, s3_options(environment, uri));
    const auto reader = store->open(bucket, key);
    if (reader == nullptr) refuse(uri, "there is no such object.");
    std::ofstream out(file, std::ios::binary);
    reader->read(0, reader->info().size, [&](std::string_view piece) {
      out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    });
    out.close();
    if (!out) {
      throw Error(Code::resource_exhausted,
                  file.string() + " cannot be written. Is the disk full?");
    }
  } catch (const store::Fault& fault) {
    refuse(uri, std::string(fault.what()) + " (" + fault.code() + ")");
  }
}

}  // namespace trainers
