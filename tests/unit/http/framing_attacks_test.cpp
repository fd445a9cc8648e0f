#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/http/running.h"

using namespace wire;

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
