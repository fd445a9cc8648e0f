// Calls other servers with libcurl: bodies stream both ways in flat memory, connections are kept
// and used again. What webhooks (outgoing.h) and the client of remote object stores go out with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/http/request.h"

namespace sandbox::http {

struct Call {
  std::string method = "GET";
  std::string url;  // http or https; its path goes out exactly as it stands here
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string_view body{};
  // When set, the body has `source_bytes` and this gives up to `max` of them from `offset` on into
  // `out`, and how many; it may be asked for the same ones again. What it throws ends the call.
  std::function<std::size_t(std::uint64_t offset, char* out, std::size_t max)> source{};
  std::uint64_t source_bytes = 0;
  // Gets the body of a 2xx answer piece by piece. What it throws ends the call and goes on to the
  // caller.
  std::function<void(std::string_view piece)> sink{};
  std::size_t answer_bytes_max = std::size_t{1} << 20;  // of an answer that no sink takes
  std::int64_t connect_timeout_ms = 10'000;
  std::int64_t stall_timeout_ms = 60'000;  // nothing moves in either direction; whole seconds
  std::int64_t timeout_ms = 0;             // of the whole call, 0 for none
  bool only_public = false;                // refuse to connect to an address that is not public
  bool use_proxy = false;                  // the one the environment names (HTTPS_PROXY, NO_PROXY)
  std::string ca_file{};                   // PEM, instead of the system's authorities
  bool check_certificate = true;
  std::stop_token stop{};  // the call ends soon after it is asked for
};

// Why there is no status.
enum class CallFailure {
  none,
  refused,      // by us: its address is not public
  unreachable,  // no such name, nobody listens there, no answer to the connection in time
  certificate,  // who answers cannot prove to be the one that was called
  ca_file,      // Call::ca_file cannot be read
  stalled,      // a time limit
  broken,       // the connection ended in the middle, or it is no HTTP
  other,
};

struct CallAnswer {
  int status = 0;  // 0 when there was no whole answer
  Headers headers;
  std::string body;     // the first answer_bytes_max, when no sink took it
  bool is_cut = false;  // there was more
  CallFailure failure = CallFailure::none;
  std::string reason;  // libcurl's words for the failure, in lower case
};

// Safe from every thread; as many calls run at a time as there are callers.
class Caller {
 public:
  Caller();
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // One attempt; redirects are not followed. Throws only what source and sink throw.
  CallAnswer call(const Call& call);

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace sandbox::http
