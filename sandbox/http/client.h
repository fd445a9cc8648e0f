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

// A server as a client sees it.
struct Peer {
  std::string url;                  // "http://host:port" or "https://host:port"
  std::string trusted_certificate;  // a PEM file that https servers are checked against
  std::string bearer;               // a token that is shown, "" for none
  std::string user{};               // who logs in with a password where there is no token
  std::string password{};
};

struct Question {
  std::string method = "GET";
  std::string target;
  std::string json{};  // the body
  // Sends another body in pieces of unknown length instead: fills up to `max` bytes, 0 at the end.
  std::function<std::size_t(char* out, std::size_t max)> body{};
  // Gets the body of a 200 answer piece by piece as it comes; Answer::body stays empty then.
  std::function<void(std::string_view piece)> piece{};
  int timeout_ms = 5'000;  // until the connection stands, and between two pieces
};

// nullopt when nobody answers in time, or the answer breaks off.
std::optional<Answer> ask(const Peer& peer, const Question& question);
inline std::optional<Answer> ask(const Peer& peer, const std::string& target) {
  return ask(peer, Question{.target = target});
}

}  // namespace sandbox::http
