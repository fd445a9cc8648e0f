#include "sandbox/object_stores.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "sandbox/base/error.h"

namespace sandbox {
namespace {

// The buckets that artifacts go to.
std::set<std::string> buckets_in_use(const Config& config) {
  std::set<std::string> buckets;
  for (const std::string& uri : {config.artifacts_destination, config.default_artifact_root}) {
    if (const auto place = parse_s3_place(uri)) buckets.insert(place->bucket);
  }
  return buckets;
}

void need_bucket(store::ObjectStore& objects, const std::string& bucket, const Config& config) {
  if (objects.find_bucket(bucket)) return;
  const auto& asked = config.buckets;
  if (std::find(asked.begin(), asked.end(), bucket) == asked.end()) {
    throw Error(Code::invalid_parameter_value,
                "The object store at " + config.artifacts_endpoint + " has no bucket '" + bucket +
                    "'. Name another with --artifacts-destination s3://bucket/path, make it "
                    "there, or let this lab make it: --bucket " +
                    bucket);
  }
  objects.create_bucket(bucket, config.artifacts_region);
}

}  // namespace

store::RemoteStoreOptions remote_store_options(const Config& config) {
  store::RemoteStoreOptions options;
  options.endpoint = config.artifacts_endpoint;
  options.region = config.artifacts_region;
  options.access_key = config.artifacts_access_key;
  options.secret_key = config.artifacts_secret_key;
  options.session_token = config.artifacts_session_token;
  options.bucket_in_host = config.artifacts_addressing == "virtual";
  options.ca_file = config.artifacts_ca_file;
  options.check_certificate = !config.artifacts_ignore_tls;
  return options;
}

std::unique_ptr<store::ObjectStore> open_built_in_store(Env& env, const Config& config) {
  try {
    auto objects = store::open_object_store(env, config.data_dir + "/objects");
    std::set<std::string> wanted(config.buckets.begin(), config.buckets.end());
    if (!config.artifacts_endpoint.empty()) wanted = {"mlflow", "mlflow-artifacts"};
    for (const std::string& bucket : wanted) {
      if (!objects->find_bucket(bucket)) objects->create_bucket(bucket, built_in_region);
    }
    return objects;
  } catch (const store::Fault& fault) {
    throw Error(Code::invalid_parameter_value,
                std::string("The buckets could not be made: ") + fault.what());
  } catch (const std::runtime_error& failure) {
    throw Error(Code::invalid_state, failure.what());
  }
}

std::unique_ptr<store::ObjectStore> open_other_store(Env& env, const Config& config) {
  if (!config.artifacts_ca_file.empty() && !std::filesystem::exists(config.artifacts_ca_file)) {
    throw Error(Code::invalid_parameter_value,
                "--artifacts-ca-file: there is no file " + config.artifacts_ca_file + ".");
  }
  try {
    auto objects = store::open_remote_store(env, remote_store_options(config));
    std::set<std::string> wanted = buckets_in_use(config);
    wanted.insert(config.buckets.begin(), config.buckets.end());
    for (const std::string& bucket : wanted) need_bucket(*objects, bucket, config);
    return objects;
  } catch (const store::Fault& fault) {
    throw Error(Code::invalid_state, fault.what());
  }
}

std::unique_ptr<store::ObjectStore> open_artifact_store(Env& env, const Config& config) {
  return config.artifacts_endpoint.empty() ? open_built_in_store(env, config)
                                           : open_other_store(env, config);
}

}  // namespace sandbox
