// The S3 protocol over an object store: the handler of an http::Server.
#pragma once

#include <string>

#include "embedded_store/object_store.h"
#include "embedded_store/s3/operation.h"
#include "embedded_store/s3/options.h"
#include "embedded_store/s3/sigv4.h"
#include "sandbox/base/env.h"
#include "sandbox/http/request.h"

namespace store::s3 {

class S3Service {
 public:
  S3Service(sandbox::Env& env, ObjectStore& store, S3Options options);
  // Answers every request, refusals and failures included; never throws. May be called from every
  // thread.
  sandbox::http::Response handle(sandbox::http::Request& request);

 private:
  sandbox::http::Response answer(sandbox::http::Request& request);

  sandbox::Env& env_;
  ObjectStore& store_;
  const S3Options options_;
  Authenticator authenticator_;
};

// Where a request points, by its path or by its Host (<bucket>.<domain>).
struct Target {
  std::string bucket;  // "" for the service itself
  std::string key;     // "" for the bucket itself
};
// "" when the Host names no bucket.
std::string bucket_in_host(const sandbox::http::Request& request, std::string_view domain);
Target find_target(const sandbox::http::Request& request, std::string_view domain);

}  // namespace store::s3
