#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "tests/unit/http/running.h"

using namespace wire;
using sandbox::Error;

TEST_CASE("a body that stalls or dribbles fails the handler's read", "[http]") {
  ServerOptions options;
  options.body_stall_ms = 200;
  Running running(echo, options);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
  Client stalled = running.client();
  REQUIRE(stalled.send(head + "some"));
  auto reply = stalled.reply();
  REQUIRE(reply);
  CHECK(reply->status == 400);
  CHECK(stalled.is_closed());

  Client dribbling = running.client();
  REQUIRE(dribbling.send(head));
  bool is_cut = false;
  for (int i = 0; i < 200 && !is_cut; ++i) is_cut = !dribbling.send("x") || dribbling.fill(40);
  CHECK(is_cut);
  reply = dribbling.reply();
  REQUIRE(reply);
  CHECK(reply->status == 400);
}

TEST_CASE("100 Continue is said at the first read and only then", "[http]") {
  Running running([](Request& request) {
    return request.path == "/refuse" ? Response::text(403, "no") : echo(request);
  });
  const std::string fields =
      " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n";
  Client accepted = running.client();
  REQUIRE(accepted.send("PUT /take" + fields + "\r\n"));
  auto reply = accepted.reply();
  REQUIRE(reply);
  CHECK(reply->status == 100);
  REQUIRE(accepted.send("hello" + get("/next")));
  expect_reply(accepted, 200, "PUT /take hello");
  expect_reply(accepted, 200, "GET /next ");

  Client refused = running.client();
  REQUIRE(refused.send("PUT /refuse" + fields + "\r\n"));
  reply = refused.reply();
  REQUIRE(reply);
  CHECK(reply->status == 403);
  CHECK(reply->field("connection") == "close");
  refused.shut_sending();
  CHECK(refused.is_closed());

  Client eager = running.client();
  REQUIRE(eager.send("PUT /take" + fields + "\r\nhello"));
  reply = eager.reply();
  REQUIRE(reply);
  if (reply->status == 100) reply = eager.reply();
  REQUIRE(reply);
  CHECK(reply->body == "PUT /take hello");

  Client empty = running.client();
  REQUIRE(
      empty.send("PUT /take HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: "
                 "100-continue\r\n\r\n"));
  expect_reply(empty, 200, "PUT /take ");
}

TEST_CASE("an error keeps the connection when the unread body is small", "[http]") {
  Running running([](Request& request) -> Response {
    if (request.path == "/refuse") return Response::text(403, "no");
    if (request.path == "/fail") throw Error(sandbox::Code::not_found, "nothing here");
    return echo(request);
  });
  Client client = running.client();
  REQUIRE(client.send(post("/refuse", std::string(20'000, 'x')) + get("/a")));
  expect_reply(client, 403, "no");
  expect_reply(client, 200, "GET /a ");
  REQUIRE(client.send(post("/fail", "short") + get("/b")));
  expect_reply(client, 404, "nothing here\n");
  expect_reply(client, 200, "GET /b ");
  REQUIRE(
      client.send("POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5\r\nGET /\r\n0\r\n\r\n" +
                  get("/c")));
  expect_reply(client, 403, "no");
  expect_reply(client, 200, "GET /c ");
}

TEST_CASE("a large upload is refused early and the answer arrives", "[http]") {
  Running running([](Request&) { return Response::text(403, "no"); });
  Client client = running.client();
  REQUIRE(client.send("PUT /big HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n"));
  client.send(std::string(4'000'000, 'x'));
  const auto reply = client.reply();
  REQUIRE(reply);
  CHECK(reply->status == 403);
  CHECK(reply->field("connection") == "close");
  client.shut_sending();
  CHECK(client.is_closed());
}

TEST_CASE("a client that leaves during its upload fails the read", "[http]") {
  std::promise<sandbox::Code> failure;
  Running running([&](Request& request) -> Response {
    try {
      return echo(request);
    } catch (const Error& error) {
      failure.set_value(error.code());
      throw;
    }
  });
  Client client = running.client();
  REQUIRE(client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome"));
  client.close();
  auto future = failure.get_future();
  REQUIRE(future.wait_for(std::chrono::milliseconds(patience_ms)) == std::future_status::ready);
  CHECK(future.get() == sandbox::Code::bad_request);
}

TEST_CASE("a client that leaves or stops reading fails the sink", "[http]") {
  std::atomic<int> failures = 0;
  ServerOptions options;
  options.body_stall_ms = 300;
  Running running(
      [&](Request& request) {
        Response response;
        const bool has_length = request.path == "/length";
        if (has_length) response.content_length = 1ULL << 40;
        response.stream = [&](const Sink& sink) {
          const std::string piece(256 * 1024, 'x');
          try {
            for (;;) sink(piece);
          } catch (const std::exception&) {
            ++failures;
            throw;
          }
        };
        return response;
      },
      options);
  int expected = 0;
  for (const std::string path : {"/length", "/chunks"}) {
    Client leaving = running.client();
    REQUIRE(leaving.send(get(path)));
    REQUIRE(leaving.fill());
    leaving.close();
    ++expected;
    CHECK(eventually([&] { return failures == expected; }));
    Client stopped(running.server.port(), false, 4'096);
    REQUIRE(stopped.send(get(path)));
    ++expected;
    CHECK(eventually([&] { return failures == expected; }));
  }
}

TEST_CASE("large bodies stream both ways", "[http]") {
  static constexpr std::uint64_t total = 64ULL << 20;
  Running running([](Request& request) {
    if (request.method == "GET") {
      Response response;
      if (request.path == "/length") response.content_length = total;
      response.stream = [](const Sink& sink) {
        const std::string piece(1 << 20, 'x');
        for (std::uint64_t sent = 0; sent < total; sent += piece.size()) sink(piece);
      };
      return response;
    }
    std::vector<char> buffer(100'000);
    std::uint64_t count = 0;
    while (const std::size_t got = request.body->read(buffer.data(), buffer.size())) count += got;
    return Response::text(200, std::to_string(count));
  });
  const std::string piece(1 << 20, 'x');
  Client up = running.client();
  REQUIRE(up.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(total) +
                  "\r\n\r\n"));
  for (std::uint64_t sent = 0; sent < total; sent += piece.size()) REQUIRE(up.send(piece));
  expect_reply(up, 200, std::to_string(total));
  REQUIRE(up.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
  for (std::uint64_t sent = 0; sent < total; sent += piece.size()) {
    REQUIRE(up.send("100000\r\n"));
    REQUIRE(up.send(piece));
    REQUIRE(up.send("\r\n"));
  }
  REQUIRE(up.send("0\r\n\r\n"));
  expect_reply(up, 200, std::to_string(total));

  for (const std::string path : {"/length", "/chunks"}) {
    REQUIRE(up.send(get(path)));
    const auto reply = up.reply();
    REQUIRE(reply);
    CHECK(reply->is_whole);
    CHECK(reply->body.size() == total);
  }
}
