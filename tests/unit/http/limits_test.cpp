#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "tests/unit/http/running.h"

using namespace wire;

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
  CHECK(eventually([&] {
    Client next = running.client();
    next.send(get("/"));
    const auto one = next.reply();
    return one && one->status == 200;
  }));
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
  CHECK(eventually([&] { return !Client(port).is_connected(); }));
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
