// An object store that lies elsewhere: any server that speaks S3, over HTTP or HTTPS. Behaves as
// object_store.h promises, as far as that server does.
//
// Requests that may be repeated are repeated when the server is busy or the connection fails, a few
// times and with growing pauses; a Fault then says what was wrong and what to do. A server that
// cannot be reached, does not answer or cannot be trusted is a ServiceUnavailable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "embedded_store/object_store.h"
#include "embedded_store/s3/presign.h"
#include "sandbox/base/env.h"
#include "sandbox/base/log.h"

namespace store {

struct RemoteStoreOptions {
  std::string endpoint;  // "https://host", "http://host:port", "https://host/path"
  std::string region = "us-east-1";
  std::string access_key;
  sandbox::Secret secret_key;
  sandbox::Secret session_token;  // of temporary keys
  bool bucket_in_host = false;    // https://bucket.host/key, not https://host/bucket/key
  std::string ca_file;            // PEM, instead of the system's authorities
  bool check_certificate = true;
  // Larger objects go in parts of this size, all alike but the last, as some servers want it. One
  // part is kept in memory for each object that is being written.
  std::size_t part_bytes = std::size_t{8} << 20;
  int attempts_max = 4;               // of a request that may be repeated
  std::int64_t first_pause_ms = 200;  // before the second attempt; doubled for each one after it
  std::int64_t connect_timeout_ms = 10'000;
  std::int64_t stall_timeout_ms = 60'000;
};

// Nothing is asked of the server yet. Throws Fault InvalidArgument for an endpoint that is no URL.
// Objects of more than 10,000 parts are refused with EntityTooLarge. A writer is told the headers
// of a large object when it begins (begin_put), those of its commit() come too late.
std::unique_ptr<ObjectStore> open_remote_store(sandbox::Env& env, RemoteStoreOptions options);

// A URL for that store; the request's endpoint and session token are filled in.
std::string presigned_url(const RemoteStoreOptions& options,
                          std::int64_t now_ms,
                          s3::PresignedRequest request);

}  // namespace store
