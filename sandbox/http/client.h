// Asks an HTTP server one question: what the commands use to look at a running lab.
#pragma once

#include <optional>
#include <string>

namespace sandbox::http {

struct Answer {
  int status = 0;
  std::string body;
};

// A server as a client sees it.
struct Peer {
  std::string url;                  // "http://host:port" or "https://host:port"
  std::string trusted_certificate;  // a PEM file that https servers are checked against
  std::string bearer;               // a token that is shown, "" for none
};

// nullopt when nobody answers within `timeout_ms`.
std::optional<Answer> ask(const Peer& peer, const std::string& target, int timeout_ms = 5'000);
// The same with another method and a body of JSON.
std::optional<Answer> send(const Peer& peer,
                           const std::string& method,
                           const std::string& target,
                           const std::string& json,
                           int timeout_ms = 10'000);

}  // namespace sandbox::http
