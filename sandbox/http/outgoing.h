// Sends a request to somebody else's server: what webhooks go out with.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace sandbox::http {

inline constexpr std::size_t outgoing_answer_bytes_max = std::size_t{1} << 20;

struct OutgoingPost {
  std::string url;  // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::int64_t timeout_ms = 30'000;
  // Refuses to connect to an address that is not public, whatever the name stood for before.
  bool only_public = true;
};

struct OutgoingAnswer {
  int status = 0;      // 0 when nobody answered; `failure` says why
  std::string body{};  // its first outgoing_answer_bytes_max
  std::string retry_after{};
  std::string failure{};
  bool is_refused = false;  // by us, for its address: there is no use in trying again
};

// One attempt: no redirect is followed, no proxy used, certificates are verified. Ends soon after a
// stop is asked for. Safe from every thread; never throws for what the other side does.
OutgoingAnswer post(const OutgoingPost& request, const std::stop_token& stop);

using PostFunction = std::function<OutgoingAnswer(const OutgoingPost&, const std::stop_token&)>;

// The host of a URL, read the way `post` will read it, without brackets; "" when there is none.
std::string url_host(const std::string& url);

}  // namespace sandbox::http
