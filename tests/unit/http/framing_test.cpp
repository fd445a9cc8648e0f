#include "sandbox/http/framing.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace {

using namespace sandbox::http;

int refusal(const std::string& bytes, const HeadLimits& limits = {}) {
  const auto parsed = parse_head(bytes, limits);
  const auto* refused = std::get_if<Refusal>(&parsed);
  return refused ? refused->status : 0;
}

Head accepted(const std::string& bytes) {
  auto parsed = parse_head(bytes, {});
  if (const auto* refused = std::get_if<Refusal>(&parsed)) FAIL(refused->reason);
  return std::move(std::get<Head>(parsed));
}

}  // namespace

TEST_CASE("a head is read as it was sent", "[http]") {
  const Head head = accepted(
      "PUT /a%20b/c%2Fd+e?x=1&y=a+b?z HTTP/1.1\r\nHost: lab:80\r\nX-A:  one two \t\r\nx-a: "
      "three\r\n"
      "Empty:\r\nContent-Length: 007\r\nExpect: 100-Continue\r\nConnection: Keep-Alive, x\r\n\r\n");
  const Request& request = head.request;
  CHECK(request.method == "PUT");
  CHECK(request.target == "/a%20b/c%2Fd+e?x=1&y=a+b?z");
  CHECK(request.raw_path == "/a%20b/c%2Fd+e");
  CHECK(request.path == "/a b/c/d+e");
  CHECK(request.raw_query == "x=1&y=a+b?z");
  CHECK(request.query.get("y") == "a b?z");
  CHECK(request.headers.get("X-A") == "one two");
  CHECK(request.headers.all().size() == 7);
  CHECK(request.headers.find("empty") == std::optional<std::string_view>(""));
  CHECK(head.content_length == 7);
  CHECK(head.expects_continue);
  CHECK(head.keep_alive);
  CHECK_FALSE(head.is_chunked);
}

TEST_CASE("forms of targets and versions that are allowed", "[http]") {
  CHECK(accepted("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").request.path == "/");
  CHECK(accepted("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").request.path == "*");
  const Head absolute = accepted("GET http://A:81/p?q HTTP/1.1\r\nHost: a:81\r\n\r\n");
  CHECK(absolute.request.raw_path == "/p");
  CHECK(absolute.request.raw_query == "q");
  CHECK(absolute.request.target == "http://A:81/p?q");
  const Head old = accepted("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(old.is_http_1_0);
  CHECK_FALSE(old.keep_alive);
  CHECK_FALSE(accepted("GET / HTTP/1.1\r\nHost: a\r\nconnection: x, CLOSE\r\n\r\n").keep_alive);
  CHECK(accepted("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n").is_chunked);
  CHECK(accepted("GET / HTTP/1.1\r\nHost: [::1]:80\r\nA: \xC3\xA4\r\n\r\n").request.path == "/");
}

TEST_CASE("limits of a head", "[http]") {
  const HeadLimits limits{200, 3};
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  CHECK(refusal(start + "A: 1\r\nB: 2\r\n\r\n", limits) == 0);
  CHECK(refusal(start + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits) == 431);
  CHECK(refusal(start + "A: " + std::string(200, 'x') + "\r\n\r\n", limits) == 431);
  CHECK(refusal("GET /" + std::string(99, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits) == 0);
  CHECK(refusal("GET /" + std::string(100, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits) == 414);
  CHECK(refusal("GET /" + std::string(300, 'x'), limits) == 414);
}

TEST_CASE("the scanner finds the end of a head however it is cut", "[http]") {
  const std::string head = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
  HeadScanner scanner;
  for (std::size_t size = 1; size < head.size(); ++size) {
    CHECK(scanner.scan(std::string_view(head).substr(0, size), {}) == 0);
  }
  CHECK(scanner.scan(head + "GET", {}) == head.size());

  for (const std::string bad : {"GET / HTTP/1.1\n", "GET \r/", "GET \x01", "\x16\x03"}) {
    HeadScanner fresh;
    CHECK(fresh.scan(bad, {}) > 0);
    CHECK(refusal(bad) == 400);
  }
  HeadScanner endless;
  CHECK(endless.scan("GET /" + std::string(50, 'x'), {40, 10}) == 55);
}

TEST_CASE("chunk sizes", "[http]") {
  CHECK(parse_chunk_size("0") == 0);
  CHECK(parse_chunk_size("00Ff") == 255);
  CHECK(parse_chunk_size("a;name=\"x\"") == 10);
  CHECK(parse_chunk_size("a \t; name") == 10);
  CHECK(parse_chunk_size("7fffffffffffff") == 0x7fffffffffffff);
  for (const std::string bad : {"", " 5", "5 ", "+5", "-5", "0x5", "5g", "g", ";", "5;\x01", "5 5",
                                "ffffffffffffffff", "10000000000000005", "5,5", "5_0"}) {
    INFO(bad);
    CHECK_FALSE(parse_chunk_size(bad));
  }
}
