// What only a store that lies elsewhere can go through: servers that are busy, gone, of another
// mind, or no S3 servers at all.
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/support/fake_env.h"
#include "tests/unit/store/remote_fixture.h"

using namespace store;
using namespace store::testing;
using Catch::Matchers::Contains;
using sandbox::http::Request;
using sandbox::http::Response;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

Response refusal(int status, const std::string& code, const std::string& more = "") {
  return Response::text(status,
                        "<Error><Code>" + code + "</Code><Message>no</Message>" + more + "</Error>",
                        "application/xml");
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Fault& fault) {
    return fault.code() + ": " + fault.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a busy server is asked again, a few times", "[store]") {
  RemoteFixture lab;
  int refusals = 0;
  lab.before = [&](Request&) -> std::optional<Response> {
    if (refusals-- > 0) return refusal(503, "SlowDown");
    return std::nullopt;
  };
  refusals = 3;
  put(*lab.store, "lab", "k", "bytes");
  CHECK(get(*lab.store, "lab", "k") == "bytes");
  refusals = 1'000;
  lab.requests = 0;
  CHECK(message_of([&] { put(*lab.store, "lab", "k", "other"); }) == "SlowDown: no");
  CHECK(lab.requests == 4);
  refusals = 0;
  CHECK(get(*lab.store, "lab", "k") == "bytes");
}

TEST_CASE("what was refused for good is not asked again", "[store]") {
  RemoteFixture lab;
  lab.before = [](Request&) { return refusal(403, "AccessDenied"); };
  CHECK(fault_of([&] { put(*lab.store, "lab", "k", "bytes"); }) == "AccessDenied");
  CHECK(lab.requests == 1);
}

TEST_CASE("a download goes on where the connection broke off", "[store]") {
  RemoteFixture lab;
  const auto bytes = noise(3 * mib);
  put(*lab.store, "lab", "large", bytes);
  std::vector<std::string> ranges;
  lab.before = [&](Request& request) -> std::optional<Response> {
    if (request.method != "GET") return std::nullopt;
    ranges.emplace_back(request.headers.get("range"));
    if (ranges.size() > 2) return std::nullopt;
    Response cut = lab.service->handle(request);
    const auto whole = cut.stream;
    const bool is_first = ranges.size() == 1;
    cut.stream = [whole, is_first](const sandbox::http::Sink& sink) {
      std::size_t sent = 0;
      whole([&](std::string_view piece) {
        // The head promised more, so the server closes the connection.
        if (sent < mib || !is_first) sink(piece.substr(0, mib));
        sent += piece.size();
      });
    };
    return cut;
  };
  CHECK((get(*lab.store, "lab", "large") == bytes));
  REQUIRE(ranges.size() >= 2);
  CHECK(ranges[0].empty());
  CHECK(ranges[1].starts_with("bytes="));
}

TEST_CASE("an object that is replaced while it is read does not become two halves", "[store]") {
  RemoteFixture lab;
  put(*lab.store, "lab", "k", noise(mib, 1));
  const auto reader = lab.store->open("lab", "k");
  put(*lab.store, "lab", "k", noise(mib, 2));
  CHECK(message_of([&] { read_all(*reader); }).find("was replaced") != std::string::npos);
}

TEST_CASE("a completion whose answer was lost has happened", "[store]") {
  RemoteFixture lab;
  const UploadInfo upload = begin_upload(*lab.store, "lab", "k");
  const CompletedPart part = send_part(*lab.store, upload, 1, "bytes");
  int completions = 0;
  lab.before = [&](Request& request) -> std::optional<Response> {
    if (request.method != "POST" || ++completions > 1) return std::nullopt;
    lab.service->handle(request);
    return refusal(500, "InternalError");
  };
  CHECK(lab.store->complete_upload(upload, {part}, {}, {}).etag.ends_with("-1"));
  CHECK(get(*lab.store, "lab", "k") == "bytes");
}

TEST_CASE("a failure inside a 200 is a failure", "[store]") {
  RemoteFixture lab;
  const UploadInfo upload = begin_upload(*lab.store, "lab", "k");
  const CompletedPart part = send_part(*lab.store, upload, 1, "bytes");
  lab.before = [](Request&) { return refusal(200, "EntityTooSmall"); };
  CHECK(fault_of([&] { lab.store->complete_upload(upload, {part}, {}, {}); }) == "EntityTooSmall");
}

TEST_CASE("each way to fail has its sentence, and none tells a secret", "[store]") {
  RemoteFixture lab;
  RemoteStoreOptions options = lab.options();
  const auto told = [&](const RemoteStoreOptions& chosen) {
    const auto store = open_remote_store(lab.behind.env, chosen);
    std::string message = message_of([&] { store->find_bucket("lab"); });
    CHECK_THAT(message, !Contains("tester-secret") && !Contains("wrong-secret"));
    return message;
  };
  SECTION("the wrong secret key") {
    options.secret_key = sandbox::Secret("wrong-secret");
    CHECK_THAT(told(options), Contains("SignatureDoesNotMatch: ") && Contains("secret key"));
  }
  SECTION("a key nobody knows") {
    options.access_key = "nobody";
    CHECK_THAT(told(options), Contains("InvalidAccessKeyId: ") && Contains("does not know"));
  }
  SECTION("nobody listens") {
    lab.server.reset();
    CHECK_THAT(told(options), Contains("ServiceUnavailable: ") && Contains("cannot be reached"));
  }
  SECTION("no such name") {
    options.endpoint = "http://no-such-host.invalid:9000";
    CHECK_THAT(told(options), Contains("no-such-host.invalid") && Contains("cannot be reached"));
  }
  SECTION("HTTPS where HTTP is spoken") {
    options.endpoint.replace(0, 4, "https");
    CHECK_THAT(told(options), Contains("ServiceUnavailable: "));
  }
  SECTION("certificates that are not there") {
    options.endpoint.replace(0, 4, "https");
    options.ca_file = "/nowhere/authorities.pem";
    CHECK_THAT(told(options), Contains("/nowhere/authorities.pem"));
  }
  SECTION("another region") {
    lab.before = [](Request&) {
      return refusal(400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>");
    };
    CHECK_THAT(told(options), Contains("eu-west-3") && Contains("--artifacts-region"));
  }
  SECTION("a server of another kind") {
    lab.before = [](Request&) { return Response::text(404, "<html>Not here</html>", "text/html"); };
    CHECK_THAT(told(options), Contains("no S3 server"));
  }
  SECTION("no room") {
    lab.before = [](Request&) { return refusal(507, "XMinioStorageFull"); };
    CHECK_THAT(told(options), Contains("InsufficientStorage: ") && Contains("no room"));
  }
  SECTION("an address that is none") {
    for (const char* endpoint :
         {"", "minio:9000", "ftp://x", "http://", "http://u:tester-secret@h"}) {
      CAPTURE(endpoint);
      options.endpoint = endpoint;
      CHECK_THAT(message_of([&] { open_remote_store(lab.behind.env, options); }),
                 Contains("InvalidArgument: ") && !Contains("tester-secret"));
    }
  }
}

TEST_CASE("a server that says nothing is not waited for without end", "[store]") {
  sandbox::SystemEnv env;
  // It takes connections, and nobody ever reads from them.
  const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(bind(listening, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(listening, 8) == 0);
  getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size);
  RemoteStoreOptions options;
  options.endpoint = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  options.access_key = "tester";
  options.secret_key = sandbox::Secret("tester-secret");
  options.stall_timeout_ms = 1'000;
  options.attempts_max = 1;
  const auto store = open_remote_store(env, options);
  CHECK_THAT(message_of([&] { store->list("lab", {}); }), Contains("does not answer in time"));
  close(listening);
}

TEST_CASE("a server that goes away in the middle leaves nothing, and can come back", "[store]") {
  RemoteFixture lab;
  const int port = lab.server->port();
  auto writer = lab.store->begin_put("lab", "k");
  writer->write(noise(6 * mib));
  lab.server.reset();
  CHECK(fault_of([&] {
          writer->write(noise(6 * mib));
          writer->commit({});
        }) == "ServiceUnavailable");
  writer.reset();  // its abort cannot be told to anybody
  CHECK_FALSE(lab.behind.store->find("lab", "k"));
  lab.start(port);
  put(*lab.store, "lab", "k", "bytes");
  CHECK(get(*lab.store, "lab", "k") == "bytes");
}

TEST_CASE("large objects go through in flat memory", "[store]") {
  RemoteFixture lab;
  const auto resident_kib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const auto piece = noise(mib);
  const auto write_and_read = [&](std::size_t mebibytes) {
    const auto writer = lab.store->begin_put("lab", "large");
    for (std::size_t i = 0; i < mebibytes; ++i) writer->write(piece);
    writer->commit({});
    std::size_t got = 0;
    const auto reader = lab.store->open("lab", "large");
    reader->read(0, reader->info().size, [&](std::string_view bytes) { got += bytes.size(); });
    CHECK(got == mebibytes * mib);
  };
  write_and_read(32);
  const long before = resident_kib();
  write_and_read(160);
  // The server of this test and its store are measured as well, and a checker's own memory.
  CHECK(resident_kib() - before < 96 * 1024);
}

TEST_CASE("a bucket may be named by the host, an endpoint may have a path", "[store]") {
  RemoteFixture lab;
  std::string host;
  std::string path;
  lab.before = [&](Request& request) -> std::optional<Response> {
    host = request.headers.get("host");
    path = request.raw_path;
    return std::nullopt;
  };
  RemoteStoreOptions options = lab.options();
  // The S3 server takes lab.localhost as the bucket; libcurl knows where *.localhost is.
  options.endpoint.replace(options.endpoint.find("127.0.0.1"), 9, "localhost");
  options.bucket_in_host = true;
  const auto store = open_remote_store(lab.behind.env, options);
  put(*store, "lab", "a/b c", "bytes");
  CHECK(host.starts_with("lab.localhost:"));
  CHECK(path == "/a/b%20c");
  CHECK(get(*lab.store, "lab", "a/b c") == "bytes");

  options = lab.options();
  options.endpoint += "/storage/v1/";
  lab.before = [&](Request& request) {
    path = request.raw_path;
    return refusal(404, "NoSuchBucket");
  };
  const auto below = open_remote_store(lab.behind.env, options);
  CHECK_FALSE(below->find_bucket("lab"));
  CHECK(path == "/storage/v1/lab");
}

TEST_CASE("a session token is signed and sent, also inside a URL", "[store]") {
  RemoteFixture lab;
  std::string token;
  std::string signed_headers;
  lab.before = [&](Request& request) {
    token = request.headers.get("x-amz-security-token");
    signed_headers = request.headers.get("authorization");
    return refusal(404, "NoSuchBucket");
  };
  RemoteStoreOptions options = lab.options();
  options.session_token = sandbox::Secret("a/session+token");
  CHECK_FALSE(open_remote_store(lab.behind.env, options)->find_bucket("lab"));
  CHECK(token == "a/session+token");
  CHECK_THAT(signed_headers, Contains("x-amz-security-token"));
  s3::PresignedRequest request;
  request.bucket = "lab";
  request.key = "k";
  CHECK_THAT(presigned_url(options, 1'700'000'000'000, request),
             Contains("X-Amz-Security-Token=a%2Fsession%2Btoken&X-Amz-Signature="));
}
