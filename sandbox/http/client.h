// Asks an HTTP server one question: what the commands use to look at a running lab.
#pragma once

#include <optional>
#include <string>

namespace sandbox::http {

struct Answer {
  int status = 0;
  std::string body;
};

// `url` is "http://host:port". nullopt when nobody answers within `timeout_ms`.
std::optional<Answer> ask(const std::string& url,
                          const std::string& target,
                          int timeout_ms = 5'000);

}  // namespace sandbox::http
