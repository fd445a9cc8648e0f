#include "sandbox/http/guard.h"

#include <catch2/catch.hpp>

#include "sandbox/base/log.h"

namespace sandbox::http {
namespace {

Request request_to(const std::string& host,
                   const std::string& method = "GET",
                   const std::string& path = "/api/2.0/mlflow/runs/get",
                   const std::string& origin = "") {
  Request request;
  request.method = method;
  request.path = request.raw_path = request.target = path;
  if (!host.empty()) request.headers.add("Host", host);
  if (!origin.empty()) request.headers.add("Origin", origin);
  return request;
}

int status_of(Request request, const GuardOptions& options = {}) {
  log::open("/dev/null");
  const Handler guard = guarded(options, [](Request&) { return Response::text(200, "in"); });
  return guard(request).status;
}

Response answer_to(Request request, const GuardOptions& options = {}) {
  log::open("/dev/null");
  return guarded(options, [](Request&) { return Response::text(200, "in"); })(request);
}

TEST_CASE("this machine's names and private addresses are answered, others are not", "[http]") {
  for (const char* host :
       {"localhost", "localhost:5000", "LOCALHOST:5000", "127.0.0.1:5000", "[::1]:5000",
        "0.0.0.0:1", "192.168.0.7:5000", "10.1.2.3", "172.16.0.1:5000", "172.31.9.9", "fd00:1::2",
        "[fd00:1::2]:5000", "host.docker.internal:5000"}) {
    INFO(host);
    CHECK(status_of(request_to(host)) == 200);
  }
  for (const char* host : {"", "evil.example", "evil.example:5000", "localhost.evil.example",
                           "172.32.0.1", "172.15.0.1:5000", "192.169.0.1", "mlflow:5000"}) {
    INFO(host);
    CHECK(status_of(request_to(host)) == 403);
  }
}

TEST_CASE("a page of another site may not ask /graphql to change anything", "[http]") {
  CHECK(status_of(request_to("localhost", "POST", "/graphql", "http://evil.example")) == 403);
  CHECK(status_of(request_to("localhost", "POST", "/graphql", "http://localhost:3000")) == 200);
  CHECK(status_of(request_to("localhost", "POST", "/graphql")) == 200);
  CHECK(status_of(request_to("evil.example", "GET", "/graphql")) == 403);
}

TEST_CASE("health and version answer under every name", "[http]") {
  CHECK(status_of(request_to("evil.example", "GET", "/health")) == 200);
  CHECK(status_of(request_to("evil.example", "GET", "/version")) == 200);
  CHECK(status_of(request_to("evil.example", "GET", "/healthy")) == 403);
}

TEST_CASE("allowed hosts replace the usual list", "[http]") {
  const GuardOptions options{{"mlflow:*", "*.lab.example"}, {}};
  CHECK(status_of(request_to("mlflow:5000"), options) == 200);
  CHECK(status_of(request_to("a.lab.example"), options) == 200);
  CHECK(status_of(request_to("localhost:5000"), options) == 403);
  CHECK(status_of(request_to("anything"), {{"*"}, {}}) == 200);
}

TEST_CASE("a refusal says what to do, on one plain page", "[http]") {
  const Response refused = answer_to(request_to("mlflow\x01:5000"));
  CHECK(refused.status == 403);
  CHECK(refused.headers.get("content-type").starts_with("text/plain"));
  CHECK(refused.body.starts_with("Invalid Host header - possible DNS rebinding attack detected"));
  CHECK(refused.body.find("'mlflow?:5000'") != std::string::npos);
  CHECK(refused.body.find("--allowed-hosts") != std::string::npos);
}

TEST_CASE("frames are forbidden as the setting says, but not to a notebook's viewer", "[http]") {
  GuardOptions options;
  CHECK(answer_to(request_to("localhost"), options).headers.get("x-frame-options") == "SAMEORIGIN");
  const Request viewer =
      request_to("localhost", "GET", "/static-files/lib/notebook-trace-renderer/index.html");
  CHECK_FALSE(answer_to(viewer, options).headers.find("x-frame-options"));
  options.x_frame_options = "DENY";
  CHECK(answer_to(request_to("localhost"), options).headers.get("x-frame-options") == "DENY");
  options.x_frame_options = "NONE";
  const Response response = answer_to(request_to("localhost"), options);
  CHECK_FALSE(response.headers.find("x-frame-options"));
  CHECK(response.headers.get("x-content-type-options") == "nosniff");
}

TEST_CASE("switched off, the guard is not there at all", "[http]") {
  GuardOptions options;
  options.is_off = true;
  const Response response =
      answer_to(request_to("evil.example", "POST", "/api/2.0/x", "https://evil.example"), options);
  CHECK(response.status == 200);
  CHECK(response.headers.all().size() == 1);  // the content type
}

TEST_CASE("pages of other sites may read but change nothing", "[http]") {
  const std::string evil = "https://evil.example";
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    INFO(method);
    CHECK(status_of(request_to("localhost", method, "/api/2.0/x", evil)) == 403);
    CHECK(status_of(request_to("localhost", method, "/ajax-api/2.0/x", evil)) == 403);
    CHECK(status_of(request_to("localhost", method, "/api/2.0/x", "http://localhost:3000")) == 200);
    CHECK(status_of(request_to("localhost", method, "/api/2.0/x", "null")) == 403);
    CHECK(status_of(request_to("localhost", method, "/api/2.0/x", "http://localhost.evil")) == 403);
  }
  CHECK(status_of(request_to("localhost", "GET", "/api/2.0/x", evil)) == 200);
  CHECK_FALSE(answer_to(request_to("localhost", "GET", "/api/2.0/x", evil))
                  .headers.find("access-control-allow-origin"));
  CHECK(status_of(request_to("localhost", "POST", "/api/2.0/x", evil), {{}, {evil}}) == 200);
  CHECK(status_of(request_to("localhost", "POST", "/api/2.0/x", evil), {{}, {"*"}}) == 200);
}

TEST_CASE("pages of this machine get the headers browsers ask for", "[http]") {
  Request preflight = request_to("localhost", "OPTIONS", "/api/2.0/x", "http://[::1]:3000");
  preflight.headers.add("Access-Control-Request-Method", "POST");
  preflight.headers.add("Access-Control-Request-Headers", "content-type");
  const Response response = answer_to(preflight);
  CHECK(response.status == 204);
  CHECK(response.headers.get("access-control-allow-origin") == "http://[::1]:3000");
  CHECK(response.headers.get("access-control-allow-credentials") == "true");
  CHECK(response.headers.get("access-control-allow-headers") == "content-type");
  const Response open =
      answer_to(request_to("localhost", "GET", "/api/2.0/x", "https://a.example"), {{}, {"*"}});
  CHECK(open.headers.get("access-control-allow-origin") == "*");
  CHECK_FALSE(open.headers.find("access-control-allow-credentials"));
}

TEST_CASE("every answer forbids sniffing and framing", "[http]") {
  for (const char* host : {"localhost", "evil.example"}) {
    const Response response = answer_to(request_to(host));
    CHECK(response.headers.get("x-content-type-options") == "nosniff");
    CHECK(response.headers.get("x-frame-options") == "SAMEORIGIN");
  }
}

TEST_CASE("globs match whole texts without case", "[http]") {
  CHECK(matches_glob("*", ""));
  CHECK(matches_glob("a*c?", "AbbCd"));
  CHECK(matches_glob("*a*b*", "xxaybz"));
  CHECK_FALSE(matches_glob("a*", "ba"));
  CHECK_FALSE(matches_glob("", "a"));
  CHECK_FALSE(matches_glob("a?", "a"));
}

}  // namespace
}  // namespace sandbox::http
