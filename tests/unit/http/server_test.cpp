#include "sandbox/http/server.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/unit/http/running.h"

using namespace wire;
using sandbox::Error;

TEST_CASE("a request is answered and the connection stays", "[http]") {
  Running running;
  Client client = running.client();
  REQUIRE(client.send(get("/a?b=c")));
  auto reply = client.reply();
  REQUIRE(reply);
  CHECK(reply->status == 200);
  CHECK(reply->body == "GET /a?b=c ");
  CHECK(reply->field("content-type") == "text/plain");
  CHECK(reply->field("server") == "mlops-sandbox");
  CHECK(reply->field("date").ends_with(" GMT"));
  CHECK(reply->field("x-request-id").size() == 16);
  CHECK(reply->field("connection").empty());
  CHECK(reply->field("keep-alive").empty());
  REQUIRE(client.send(post("/b", "hello", "Accept-Encoding: gzip, br\r\nRange: bytes=0-1\r\n")));
  const auto second = client.reply();
  REQUIRE(second);
  CHECK(second->status == 200);
  CHECK(second->body == "POST /b hello");
  CHECK(second->field("x-request-id") != reply->field("x-request-id"));
}

TEST_CASE("the handler sees the request, and the peer only as it is", "[http]") {
  Running running([](Request& request) {
    Response response = Response::text(
        201, request.remote_address + " " + std::string(request.headers.get("REMOTE_ADDR")) + " " +
                 std::string(request.headers.get("Accept-Encoding")) + " " + request.id);
    response.headers.add("Set-Cookie", "a=1");
    response.headers.add("Set-Cookie", "b=2");
    response.headers.add("Content-Length", "999");
    response.headers.add("Date", "then");
    return response;
  });
  Client client = running.client();
  REQUIRE(client.send(get("/", "REMOTE_ADDR: 6.6.6.6\r\nAccept-Encoding: br\r\n")));
  const auto reply = client.reply();
  REQUIRE(reply);
  CHECK(reply->status == 201);
  CHECK(reply->body == "127.0.0.1 6.6.6.6 br " + reply->field("x-request-id"));
  CHECK(reply->field("date") == "then");
}

TEST_CASE("pipelined requests are answered in order", "[http]") {
  Running running;
  Client client = running.client();
  std::string all;
  for (int i = 0; i < 300; ++i) {
    const std::string path = "/" + std::to_string(i);
    all += i % 3 == 0   ? get(path)
           : i % 3 == 1 ? post(path, "body " + std::to_string(i))
                        : "PUT " + path +
                              " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3;ext\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
  }
  std::thread sender([&] { client.send(all); });
  for (int i = 0; i < 300; ++i) {
    const std::string path = "/" + std::to_string(i);
    expect_reply(client, 200,
                 i % 3 == 0   ? "GET " + path + " "
                 : i % 3 == 1 ? "POST " + path + " body " + std::to_string(i)
                              : "PUT " + path + " abcde");
  }
  sender.join();
}

TEST_CASE("requests may arrive byte by byte", "[http]") {
  Running running;
  Client client = running.client();
  const std::string bytes = get("/x") +
                            "POST /y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "5\r\nhello\r\n0\r\nA: b\r\n\r\n" +
                            get("/z");
  for (const char byte : bytes) REQUIRE(client.send(std::string_view(&byte, 1)));
  expect_reply(client, 200, "GET /x ");
  expect_reply(client, 200, "POST /y hello");
  expect_reply(client, 200, "GET /z ");
}

TEST_CASE("forms of answers", "[http]") {
  Running running([](Request& request) {
    Response response;
    if (request.path == "/chunks") {
      response.stream = [](const Sink& sink) {
        sink("one ");
        sink("");
        sink("two");
      };
    } else if (request.path == "/length") {
      response.content_length = 3;
      response.stream = [](const Sink& sink) { sink("abc"); };
    } else if (request.path == "/nothing") {
      response.content_length = 0;
      response.stream = [](const Sink&) {};
    } else if (request.path == "/no-chunks") {
      response.stream = [](const Sink&) {};
    } else if (request.path == "/few") {
      response.content_length = 10;
      response.stream = [](const Sink& sink) { sink("abc"); };
    } else if (request.path == "/many") {
      response.content_length = 2;
      response.stream = [](const Sink& sink) { sink("abc"); };
    } else if (request.path == "/break") {
      response.stream = [](const Sink& sink) {
        sink("abc");
        throw std::runtime_error("broken on purpose");
      };
    } else if (request.path == "/204" || request.path == "/304") {
      response.status = request.path == "/204" ? 204 : 304;
      response.body = "must not be sent";
      response.headers.add("ETag", "\"x\"");
    } else if (request.path == "/416") {
      response = Response::text(416, "range");
      response.headers.add("Content-Range", "bytes */7");
    } else if (request.path == "/head") {
      response.head_length = 12'345;
    } else if (request.path == "/split") {
      response.headers.add("X", "a\r\nSet-Cookie: b");
    } else if (request.path == "/close") {
      response = Response::text(200, "bye");
      response.headers.add("Connection", "close");
    } else {
      response.body = std::string(100'000, 'y');
    }
    return response;
  });
  Client client = running.client();
  const auto ask = [&](const std::string& method, const std::string& path) {
    REQUIRE(client.send(method + " " + path + " HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n" +
                        "Range: bytes=1-2\r\n\r\n"));
    auto reply = client.reply(method == "HEAD");
    REQUIRE(reply);
    return *reply;
  };
  SECTION("whole ones keep the connection") {
    Reply reply = ask("GET", "/chunks");
    CHECK(reply.body == "one two");
    CHECK(reply.is_whole);
    CHECK(reply.field("transfer-encoding") == "chunked");
    CHECK(reply.fields.count("content-length") == 0);
    reply = ask("GET", "/length");
    CHECK(reply.body == "abc");
    CHECK(reply.field("content-length") == "3");
    CHECK(reply.field("accept-ranges").empty());
    reply = ask("GET", "/nothing");
    CHECK(reply.field("content-length") == "0");
    reply = ask("GET", "/no-chunks");
    CHECK(reply.body.empty());
    CHECK(reply.is_whole);
    reply = ask("GET", "/204");
    CHECK(reply.status == 204);
    CHECK(reply.fields.count("content-length") == 0);
    CHECK(reply.fields.count("transfer-encoding") == 0);
    reply = ask("GET", "/304");
    CHECK(reply.status == 304);
    CHECK(reply.field("etag") == "\"x\"");
    reply = ask("GET", "/416");
    CHECK(reply.status == 416);
    CHECK(reply.field("content-range") == "bytes */7");
    reply = ask("HEAD", "/head");
    CHECK(reply.field("content-length") == "12345");
    CHECK(reply.field("accept-ranges").empty());
    reply = ask("HEAD", "/length");
    CHECK(reply.field("content-length") == "3");
    reply = ask("HEAD", "/chunks");
    CHECK(reply.fields.count("content-length") == 0);
    reply = ask("HEAD", "/large");
    CHECK(reply.field("content-length") == "100000");
    reply = ask("GET", "/large");
    CHECK(reply.status == 200);
    CHECK(reply.body == std::string(100'000, 'y'));
    CHECK(reply.field("content-encoding").empty());
    CHECK(reply.field("content-type").empty());
    reply = ask("GET", "/split");
    CHECK(reply.status == 500);
    CHECK(reply.field("set-cookie").empty());
  }
  SECTION("a stream that ends early is cut off") {
    CHECK_FALSE(ask("GET", "/few").is_whole);
    CHECK(client.is_closed_after_anything());
  }
  SECTION("a stream that writes too much is cut off") {
    CHECK_FALSE(ask("GET", "/many").is_whole);
    CHECK(client.is_closed_after_anything());
  }
  SECTION("a stream that throws is cut off without its last chunk") {
    const Reply reply = ask("GET", "/break");
    CHECK(reply.body == "abc");
    CHECK_FALSE(reply.is_whole);
    CHECK(client.is_closed());
  }
  SECTION("a handler may close") {
    CHECK(ask("GET", "/close").field("connection") == "close");
    CHECK(client.is_closed());
  }
  SECTION("HTTP/1.0 gets no chunks and is closed") {
    REQUIRE(client.send("GET /chunks HTTP/1.0\r\n\r\n"));
    const auto reply = client.reply();
    REQUIRE(reply);
    CHECK(reply->fields.count("transfer-encoding") == 0);
    CHECK(reply->body == "one two");
    CHECK(client.is_closed());
  }
}

TEST_CASE("a handler that throws is answered 500 without its reason", "[http]") {
  Running running([](Request& request) -> Response {
    if (request.path == "/odd") throw 7;
    throw std::runtime_error("a secret path");
  });
  Client client = running.client();
  for (const std::string path : {"/", "/odd"}) {
    REQUIRE(client.send(get(path)));
    const auto reply = client.reply();
    REQUIRE(reply);
    CHECK(reply->status == 500);
    CHECK(reply->body.find("secret") == std::string::npos);
    CHECK(reply->body.find(reply->field("x-request-id")) != std::string::npos);
  }
}

TEST_CASE("IPv6 and both families at once", "[http]") {
  const auto make = [](const std::string& host) {
    ServerOptions options;
    options.host = host;
    return std::make_unique<Running>(
        [](Request& request) { return Response::text(200, request.remote_address); }, options);
  };
  std::unique_ptr<Running> six;
  try {
    six = make("::1");
  } catch (const Error& error) {
    WARN("skipped, no IPv6 here: " << error.what());
    return;
  }
  Client client(six->server.port(), true);
  REQUIRE(client.send(get("/")));
  expect_reply(client, 200, "::1");
  const auto both = make("::");
  Client by_six(both->server.port(), true);
  REQUIRE(by_six.send(get("/")));
  expect_reply(by_six, 200, "::1");
  Client by_four(both->server.port());
  REQUIRE(by_four.send(get("/")));
  expect_reply(by_four, 200, "127.0.0.1");
}

TEST_CASE("an address that cannot be had is reported", "[http]") {
  Running running;
  ServerOptions options;
  options.port = running.server.port();
  CHECK_THROWS_AS(Server(options, echo), Error);
  options.host = "no.such.host.invalid";
  CHECK_THROWS_AS(Server(options, echo), Error);
}
