// Requests that change something wait while the turnstile is closed; those inside end first.
#include "sandbox/http/turnstile.h"

#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

using namespace sandbox::http;  // NOLINT(google-build-using-namespace): a test of this namespace

namespace {

bool none(const Request& /*request*/) {
  return false;
}

Request request(const std::string& method, const std::string& path = "/x") {
  Request made;
  made.method = method;
  made.path = path;
  return made;
}

}  // namespace

TEST_CASE("closed, it lets those in that only read, and those it was told to", "[http]") {
  Turnstile turnstile;
  int answered = 0;
  const Handler handler = turnstile.around(
      [&](Request& /*request*/) {
        ++answered;
        return Response::text(200, "OK");
      },
      [](const Request& one) { return one.path == "/free"; });
  REQUIRE_FALSE(turnstile.close(0));
  for (const char* method : {"GET", "HEAD", "OPTIONS"}) {
    Request one = request(method);
    handler(one);
  }
  Request free = request("POST", "/free");
  handler(free);
  CHECK(answered == 4);
}

TEST_CASE("a request that came while it was closed is answered once it is open", "[http]") {
  Turnstile turnstile;
  std::atomic<bool> is_open = false;
  bool came_after = false;
  const Handler handler = turnstile.around(
      [&](Request& /*request*/) {
        came_after = is_open;
        return Response::text(200, "OK");
      },
      none);
  REQUIRE_FALSE(turnstile.close(0));
  std::jthread client([&] {
    Request one = request("POST");
    handler(one);
  });
  is_open = true;
  turnstile.open();
  client.join();
  CHECK(came_after);
}

TEST_CASE("it closes when those inside are gone, their streams too", "[http]") {
  Turnstile turnstile;
  const Handler handler = turnstile.around(
      [](Request& /*request*/) {
        Response response;
        response.stream = [](const Sink& sink) { sink("piece"); };
        return response;
      },
      none);
  {
    Request one = request("PUT", "/bucket/key");
    const Response response = handler(one);
    CHECK(turnstile.close(1) == "PUT /bucket/key");
    // It is open again.
    Request two = request("PUT", "/bucket/other");
    handler(two);
    response.stream([](std::string_view /*piece*/) {});
    CHECK(turnstile.close(1) == "PUT /bucket/key");
  }
  CHECK_FALSE(turnstile.close(1));
}

TEST_CASE("a handler that throws is inside no longer", "[http]") {
  Turnstile turnstile;
  const Handler handler = turnstile.around(
      [](Request& /*request*/) -> Response { throw std::runtime_error("broken"); }, none);
  Request one = request("POST");
  CHECK_THROWS(handler(one));
  CHECK_FALSE(turnstile.close(0));
}
