// A server under test in this process, and what several tests say to it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "sandbox/http/server.h"
#include "tests/unit/http/wire.h"

namespace wire {

using namespace sandbox::http;

// A door that a test opens.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_open_; });
  }
  [[nodiscard]] bool have_arrived(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(patience_ms),
                             [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool is_open_ = false;
};

// Answers what a request was, after reading its body.
inline Response echo(Request& request) {
  const std::string body = read_all(*request.body, 1 << 20);
  return Response::text(200, request.method + " " + request.target + " " + body);
}

struct Running {
  explicit Running(Handler handler = echo, ServerOptions options = {})
      : server(std::move(options), std::move(handler)) {
    server.start();
  }
  [[nodiscard]] Client client() const { return Client(server.port()); }
  Server server;
};

inline void expect_reply(Client& client, int status, const std::string& body) {
  const auto reply = client.reply();
  REQUIRE(reply);
  CHECK(reply->status == status);
  CHECK(reply->body == body);
  CHECK(reply->is_whole);
}

}  // namespace wire
