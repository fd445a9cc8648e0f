#include "sandbox/http/access_log.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/base/log.h"
#include "tests/support/fake_env.h"

namespace sandbox::http {
namespace {

// The log written while `work` runs.
template <class Function>
std::string log_of(Function work) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("access_log_test." + std::to_string(getpid()) + ".log");
  log::open(path.string());
  work();
  log::open("/dev/null");
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  std::filesystem::remove(path);
  return text.str();
}

Request request_for(const std::string& target) {
  Request request;
  request.id = "r1";
  request.method = "GET";
  request.target = target;
  request.headers.add("Authorization", "AWS4-HMAC-SHA256 Signature=abc");
  return request;
}

TEST_CASE("a request leaves one line with its id, status and size", "[http]") {
  FakeEnv env;
  const Handler handler =
      logged(env, "s3", [](Request&) { return Response::text(404, "nothing"); });
  const std::string text = log_of([&] {
    Request request = request_for("/bucket/key");
    handler(request);
  });
  CHECK(text.find("request part=s3 id=r1 method=GET path=/bucket/key status=404 ms=") !=
        std::string::npos);
  CHECK(text.find(" bytes=7\n") != std::string::npos);
  CHECK(text.find("AWS4") == std::string::npos);
}

TEST_CASE("a streamed answer is logged when it has gone, also when it broke off", "[http]") {
  FakeEnv env;
  const Handler handler = logged(env, "tracking", [](Request&) {
    Response response;
    response.stream = [](const Sink& sink) {
      sink("abc");
      sink("defg");
    };
    return response;
  });
  std::string sent;
  const std::string text = log_of([&] {
    Request request = request_for("/a");
    Response response = handler(request);
    response.stream([&](std::string_view piece) { sent += piece; });
    Request second = request_for("/b");
    response = handler(second);
    CHECK_THROWS(response.stream([n = 0](std::string_view) mutable {
      if (++n == 2) throw std::runtime_error("the client is gone");
    }));
  });
  CHECK(sent == "abcdefg");
  CHECK(text.find("path=/a status=200") < text.find(" bytes=7\n"));
  CHECK(text.find("path=/b status=200") < text.find(" bytes=3\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("what signs a URL is masked", "[http]") {
  CHECK(masked_target("/b/k?X-Amz-Signature=s3cret&partNumber=1") ==
        "/b/k?X-Amz-Signature=***&partNumber=1");
  CHECK(masked_target("/b/k?a=1&x-amz-credential=key%2Fday&X%2DAmz%2DSecurity%2DToken=t") ==
        "/b/k?a=1&x-amz-credential=***&X%2DAmz%2DSecurity%2DToken=***");
  CHECK(masked_target("/b?uploads") == "/b?uploads");
  CHECK(masked_target("/b") == "/b");
  CHECK(masked_target("/" + std::string(1000, 'a')).size() < 410);
}

}  // namespace
}  // namespace sandbox::http
