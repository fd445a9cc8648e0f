// Signed requests to one S3 server: repeated where that helps, their failures turned into Faults
// whose sentence says what to do.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embedded_store/object_store.h"
#include "embedded_store/remote/remote_store.h"
#include "embedded_store/s3/signing.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/env.h"
#include "sandbox/http/caller.h"

namespace store::remote {

struct Ask {
  std::string method = "GET";
  std::string bucket{};  // "" for the service itself
  std::string key{};
  std::string query{};  // names and values percent-encoded
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string_view body{};
  // A body that does not fit into memory, see http::Call; `source_sha256` in hex.
  std::function<std::size_t(std::uint64_t offset, char* out, std::size_t max)> source{};
  std::uint64_t source_bytes = 0;
  std::string source_sha256{};
  // Gets the body of the answer. When it breaks off after the first piece, the request is not
  // repeated: the caller knows where to go on.
  std::function<void(std::string_view piece)> sink{};
  int* attempts = nullptr;  // is told how many there were: one that failed may have done its work
};

using Answer = sandbox::http::CallAnswer;

// How the store is addressed: an endpoint and the path below it.
struct Address {
  std::string scheme_and_host;  // "https://host:port"
  std::string host;             // as the header says it
  std::string path;             // "/bucket/key", percent-encoded
};

// Safe from every thread.
class Client {
 public:
  // Throws Fault InvalidArgument for an endpoint that is no URL.
  Client(sandbox::Env& env, RemoteStoreOptions options);

  [[nodiscard]] const RemoteStoreOptions& options() const { return options_; }
  // The answer, whose status is a 2xx. Throws Fault for every other.
  Answer ask(const Ask& ask);
  // nullopt where the server says that the bucket, key or upload named is not there.
  std::optional<Answer> find(const Ask& ask);

 private:
  Answer attempt(const Ask& ask, bool& has_taken);
  [[nodiscard]] Fault fault_of(const Ask& ask, const Answer& answer) const;
  [[nodiscard]] Fault failure_of(const Answer& answer) const;
  // What a HEAD was refused for: its answer has no body that would say it.
  Fault explained(const Ask& ask, const Answer& answer);

  sandbox::Env& env_;
  RemoteStoreOptions options_;
  s3::Signer signer_;
  sandbox::http::Caller caller_;
};

// The document in an answer. Its root may have any name: servers differ there, and SDKs do not
// look. Throws Fault ServiceUnavailable when it is no XML.
s3::XmlNode document_in(const Answer& answer);

// Throws Fault InvalidArgument for an endpoint that is no URL.
Address address_of(const RemoteStoreOptions& options,
                   const std::string& bucket,
                   const std::string& key);

}  // namespace store::remote
