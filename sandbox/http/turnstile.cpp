#include "sandbox/http/turnstile.h"

#include <chrono>
#include <memory>
#include <utility>

namespace sandbox::http {
namespace {

bool may_change(const Request& request) {
  return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

}  // namespace

// A request that was let in, as long as this lives.
class Turnstile::Inside {
 public:
  Inside(Turnstile& turnstile, std::string name) : turnstile_(turnstile) {
    std::unique_lock lock(turnstile_.mutex_);
    turnstile_.changed_.wait(lock, [&] { return turnstile_.is_open_; });
    turnstile_.inside_.push_front(std::move(name));
    place_ = turnstile_.inside_.begin();
  }
  ~Inside() {
    const std::lock_guard lock(turnstile_.mutex_);
    turnstile_.inside_.erase(place_);
    if (!turnstile_.is_open_ && turnstile_.inside_.empty()) turnstile_.changed_.notify_all();
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Turnstile& turnstile_;
  std::list<std::string>::iterator place_;
};

Handler Turnstile::around(Handler next, Exempt exempt) {
  return [this, next = std::move(next), exempt = std::move(exempt)](Request& request) {
    if (!may_change(request) || exempt(request)) return next(request);
    // Shared by the stream, which runs when this function is gone; streams can be copied.
    const auto inside = std::make_shared<Inside>(*this, request.method + " " + request.path);
    Response response = next(request);
    if (response.stream) {
      response.stream = [inside, stream = std::move(response.stream)](const Sink& sink) {
        stream(sink);
      };
    }
    return response;
  };
}

std::optional<std::string> Turnstile::close(int patience_ms) {
  std::unique_lock lock(mutex_);
  is_open_ = false;
  const bool is_empty = changed_.wait_for(lock, std::chrono::milliseconds(patience_ms),
                                          [&] { return inside_.empty(); });
  if (is_empty) return std::nullopt;
  is_open_ = true;
  changed_.notify_all();
  return inside_.back();
}

void Turnstile::open() {
  const std::lock_guard lock(mutex_);
  is_open_ = true;
  changed_.notify_all();
}

}  // namespace sandbox::http
