#include "sandbox/http/server.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/base/log.h"
#include "tests/unit/http/wire.h"

namespace {

using namespace sandbox::http;
using sandbox::Error;
using wire::Client;
using wire::get;
using wire::post;

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
    return changed_.wait_for(lock, std::chrono::milliseconds(wire::patience_ms),
                             [&] { return arrived_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool is_open_ = false;
};

// Answers what a request was, after reading its body.
Response echo(Request& request) {
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

void expect_reply(Client& client, int status, const std::string& body) {
  const auto reply = client.reply();
  REQUIRE(reply);
  CHECK(reply->status == status);
  CHECK(reply->body == body);
  CHECK(reply->is_whole);
}

}  // namespace

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

TEST_CASE("malformed requests are refused and the connection is closed", "[http]") {
  Running running;
  const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string zero("\0", 1);
  struct Attack {
    int status;
    std::string bytes;
  };
  const std::vector<Attack> attacks{
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\nhello"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\nhello"},
      {400,
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n"},
      {400,
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: "
       "5\r\n\r\n0\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
      {400,
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
       "chunked\r\n\r\n0\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;x=1\r\n\r\n0\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n"},
      {400,
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
       "chunked\r\n\r\n0\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
      {400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
      {400, "GET / HTTP/1.1\nHost: a\n\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX\t: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: b" + zero + "c\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nX: b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n"},
      {400, "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
      {400, "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /#f HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\r\n\r\n"},
      {400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
      {400, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "\x16\x03\x01\x02"},
      {505, "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
      {505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {417, "GET / HTTP/1.1\r\nHost: a\r\nExpect: the-best\r\n\r\n"},
      {414, "GET /" + std::string(40'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"},
      {414, "GET /" + std::string(70'000, 'x')},
      {431, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(70'000, 'x')},
      // The echo handler reads the body and so meets the framing errors inside it.
      {400, chunked + "5\nhello\r\n0\r\n\r\n"},
      {400, chunked + "5\r\nhello0\r\n\r\n"},
      {400, chunked + "5\r\nhelloXX0\r\n\r\n"},
      {400, chunked + "5\r\nhello\n0\r\n\r\n"},
      {400, chunked + "-5\r\nhello\r\n0\r\n\r\n"},
      {400, chunked + "+5\r\nhello\r\n0\r\n\r\n"},
      {400, chunked + "0x5\r\nhello\r\n0\r\n\r\n"},
      {400, chunked + " 5\r\nhello\r\n0\r\n\r\n"},
      {400, chunked + "5 \r\nhello\r\n0\r\n\r\n"},
      {400, chunked + "\r\nhello\r\n0\r\n\r\n"},
      {400, chunked + "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"},
      {400, chunked + "5;" + std::string(2'000, 'x') + "\r\nhello\r\n0\r\n\r\n"},
      {400, chunked + "5;a\rb\r\nhello\r\n0\r\n\r\n"},
      {400, chunked + "5\r\nhello\r\n0\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"},
      {400, chunked + "5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n"},
  };
  REQUIRE(attacks.size() >= 70);
  for (const Attack& attack : attacks) {
    INFO(attack.bytes.substr(0, 200));
    Client client = running.client();
    client.send(attack.bytes);
    const auto reply = client.reply();
    REQUIRE(reply);
    CHECK(reply->status == attack.status);
    CHECK(reply->field("connection") == "close");
    CHECK(client.is_closed());
  }
  std::string extended = chunked;
  for (int i = 0; i < 100; ++i) extended += "1;" + std::string(900, 'x') + "\r\na\r\n";
  Client client = running.client();
  client.send(extended);
  const auto reply = client.reply();
  REQUIRE(reply);
  CHECK(reply->status == 400);
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

TEST_CASE("a thousand idle clients hold no thread", "[http]") {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 8'192);
  setrlimit(RLIMIT_NOFILE, &limit);
  ServerOptions options;
  options.workers_max = 2;
  Running running(echo, options);
  std::vector<Client> idle;
  for (int i = 0; i < 1'000; ++i) {
    idle.push_back(running.client());
    REQUIRE(idle.back().is_connected());
    // A half of them never asks anything, a half stays after an answer.
    if (i % 2 == 0) {
      REQUIRE(idle.back().send(get("/")));
      REQUIRE(idle.back().reply());
    }
  }
  // Both ends live in this process, so these descriptors are above 1,023.
  Client fresh = running.client();
  CHECK(fresh.socket() > 1'023);
  REQUIRE(fresh.send(post("/fresh", "x")));
  expect_reply(fresh, 200, "POST /fresh x");
  for (Client& client : idle) REQUIRE(client.send(get("/again")));
  for (Client& client : idle) expect_reply(client, 200, "GET /again ");
}

TEST_CASE("a head that dribbles is cut at its deadline and holds no thread", "[http]") {
  ServerOptions options;
  options.workers_max = 1;
  options.head_deadline_ms = 300;
  Running running(echo, options);
  std::vector<Client> dribbling;
  for (int i = 0; i < 10; ++i) {
    dribbling.push_back(running.client());
    REQUIRE(dribbling.back().send("GET / HTTP/1.1\r\nHost:"));
  }
  Client fresh = running.client();
  REQUIRE(fresh.send(get("/")));
  expect_reply(fresh, 200, "GET / ");
  bool is_cut = false;
  for (int i = 0; i < 400 && !is_cut; ++i) {
    is_cut = !dribbling[0].send("x") || dribbling[0].fill(50);
  }
  CHECK(is_cut);
  for (Client& client : dribbling) {
    const auto reply = client.reply();
    REQUIRE(reply);
    CHECK(reply->status == 408);
    CHECK(client.is_closed());
  }
}

TEST_CASE("an idle connection is closed without a word", "[http]") {
  ServerOptions options;
  options.idle_ms = 500;
  Running running(echo, options);
  Client silent = running.client();
  CHECK(silent.is_closed());
  Client used = running.client();
  REQUIRE(used.send(get("/")));
  expect_reply(used, 200, "GET / ");
  CHECK(used.is_closed());
}

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
  REQUIRE(future.wait_for(std::chrono::milliseconds(wire::patience_ms)) ==
          std::future_status::ready);
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
    CHECK(wire::eventually([&] { return failures == expected; }));
    Client stopped(running.server.port(), false, 4'096);
    REQUIRE(stopped.send(get(path)));
    ++expected;
    CHECK(wire::eventually([&] { return failures == expected; }));
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
    wire::Reply reply = ask("GET", "/chunks");
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
    const wire::Reply reply = ask("GET", "/break");
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

TEST_CASE("workers are made when all are stuck, up to the maximum", "[http]") {
  Gate gate;
  ServerOptions options;
  options.workers_max = 8;
  Running running(
      [&](Request& request) {
        if (request.path == "/wait") gate.pass();
        return echo(request);
      },
      options);
  std::vector<Client> waiting;
  for (int i = 0; i < 7; ++i) {
    waiting.push_back(running.client());
    REQUIRE(waiting.back().send(get("/wait")));
  }
  CHECK(gate.have_arrived(7));
  Client fresh = running.client();
  REQUIRE(fresh.send(get("/")));
  expect_reply(fresh, 200, "GET / ");
  // More than there are workers: the rest waits its turn.
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(running.client());
    REQUIRE(waiting.back().send(get("/wait")));
  }
  CHECK(gate.have_arrived(8));
  gate.open();
  for (Client& client : waiting) expect_reply(client, 200, "GET /wait ");
}

TEST_CASE("past the maximum of connections a client is told so", "[http]") {
  ServerOptions options;
  options.connections_max = 3;
  Running running(echo, options);
  std::vector<Client> inside;
  for (int i = 0; i < 3; ++i) {
    inside.push_back(running.client());
    REQUIRE(inside.back().send(get("/")));
    expect_reply(inside.back(), 200, "GET / ");
  }
  Client outside = running.client();
  outside.send(get("/"));
  const auto reply = outside.reply();
  REQUIRE(reply);
  CHECK(reply->status == 503);
  outside.shut_sending();
  CHECK(outside.is_closed());
  REQUIRE(inside[1].send(get("/in")));
  expect_reply(inside[1], 200, "GET /in ");
  inside[0].close();
  CHECK(wire::eventually([&] {
    Client next = running.client();
    next.send(get("/"));
    const auto one = next.reply();
    return one && one->status == 200;
  }));
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

TEST_CASE("stop lets a request finish and takes no new ones", "[http]") {
  Gate gate;
  Running running([&](Request& request) {
    gate.pass();
    return echo(request);
  });
  const int port = running.server.port();
  Client busy = running.client();
  REQUIRE(busy.send(get("/busy")));
  Client idle = running.client();
  REQUIRE(gate.have_arrived(1));
  std::thread stopping([&] { running.server.stop(); });
  CHECK(idle.is_closed());
  CHECK(wire::eventually([&] { return !Client(port).is_connected(); }));
  gate.open();
  const auto reply = busy.reply();
  REQUIRE(reply);
  CHECK(reply->body == "GET /busy ");
  CHECK(reply->field("connection") == "close");
  CHECK(busy.is_closed());
  stopping.join();
  running.server.stop();
}

TEST_CASE("stop cuts what does not finish in its grace", "[http]") {
  ServerOptions options;
  options.stop_grace_ms = 100;
  Running running(
      [](Request&) {
        Response response;
        response.stream = [](const Sink& sink) {
          for (;;) {
            sink("tick\n");
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
          }
        };
        return response;
      },
      options);
  Client endless = running.client();
  REQUIRE(endless.send(get("/")));
  Client stuck = running.client();
  REQUIRE(stuck.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"));
  REQUIRE(endless.fill());
  running.server.stop();
  CHECK(endless.is_closed_after_anything());
}

TEST_CASE("a server that was never started can be dropped", "[http]") {
  const Server server({}, echo);
  CHECK(server.port() > 0);
}
