// Objects of an S3 server as local files: the lab's own, or any that the variables of the AWS
// clients name (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN;
// MLFLOW_S3_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL; AWS_DEFAULT_REGION,
// AWS_CA_BUNDLE).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "embedded_store/remote/remote_store.h"
#include "sandbox/base/env.h"
#include "trainers/trainer.h"

namespace trainers {

// Begins with s3://.
bool is_s3_uri(std::string_view place);

// The bucket and what comes after it, of an address that begins with s3://; either may be "".
struct S3Place {
  std::string bucket;
  std::string key;
};
S3Place split_s3_uri(const std::string& uri);

// The server that the variables name. Throws Error(invalid_parameter_value) that names `uri` when
// there are no keys.
store::RemoteStoreOptions s3_options(const Variables& environment, const std::string& uri);

// Copies the object s3://bucket/key to `file`. Throws Error(invalid_parameter_value) naming the
// object and what is wrong: no such bucket or key, no keys, refused, nobody there.
void fetch_s3_file(sandbox::Env& env,
                   const Variables& environment,
                   const std::string& uri,
                   const std::filesystem::path& file);

}  // namespace trainers
