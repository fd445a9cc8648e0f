// Asks an HTTP server one question: what the commands use to look at a running lab.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::http {

struct Answer {
  int status = 0;
  std::string body;
};

// `url` is "http://host:port". nullopt when nobody answers within `timeout_ms`.
std::optional<Answer> ask(const std::string& url,
                          const std::string& target,
                          int timeout_ms = 5'000);

struct Post {
  std::string target;
  std::string json;
  // Gets the body of a 200 answer piece by piece as it comes; Answer::body stays empty then.
  std::function<void(std::string_view piece)> piece;
  int timeout_ms = 5'000;  // between two pieces
};
// nullopt when nobody answers in time, or the answer breaks off.
std::optional<Answer> ask(const std::string& url, const Post& post);

}  // namespace sandbox::http
