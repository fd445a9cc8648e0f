#include "sandbox/http/public_address.h"

#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <catch2/catch.hpp>

#include "sandbox/base/error.h"
#include "sandbox/http/outgoing.h"

namespace {

using sandbox::http::is_public_address;

bool is_public(const std::string& text) {
  sockaddr_storage storage{};
  if (text.find(':') == std::string::npos) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    REQUIRE(inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1);
    std::memcpy(&storage, &v4, sizeof(v4));
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    REQUIRE(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1);
    std::memcpy(&storage, &v6, sizeof(v6));
  }
  return is_public_address(reinterpret_cast<const sockaddr&>(storage));
}

}  // namespace

TEST_CASE("addresses of the public internet are known", "[http]") {
  for (const char* text :
       {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0",
        "223.255.255.255", "2606:4700:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8",
        "64:ff9b::808:808", "2002:808:808::1"}) {
    CAPTURE(text);
    CHECK(is_public(text));
  }
}

TEST_CASE("addresses of one's own network are not public", "[http]") {
  for (const char* text : {"127.0.0.1",
                           "127.255.255.254",
                           "0.0.0.0",
                           "10.1.2.3",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.1.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "192.0.2.1",
                           "198.18.0.1",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "fe80::1",
                           "fc00::1",
                           "fd12::1",
                           "fec0::1",
                           "ff02::1",
                           "2001:db8::1",
                           "2001::1",
                           "3fff::1",
                           "100::1",
                           "::ffff:127.0.0.1",
                           "::ffff:169.254.169.254",
                           "64:ff9b::7f00:1",
                           "64:ff9b:1::1",
                           "2002:7f00:1::1",
                           "2002:a00:1::1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_public(text));
  }
}

TEST_CASE("spellings of the loopback address resolve to it", "[http]") {
  for (const char* host : {"127.0.0.1", "127.1", "0177.0.0.1", "2130706433", "localhost"}) {
    const auto addresses = sandbox::http::resolve(host, "no");
    REQUIRE_FALSE(addresses.empty());
    for (const auto& address : addresses) CHECK_FALSE(address.is_public);
  }
  CHECK_THROWS_AS(sandbox::http::resolve("no such host", "no"), sandbox::Error);
}

TEST_CASE("the host of a URL is read", "[http]") {
  using sandbox::http::url_host;
  CHECK(url_host("https://example.com:8443/a?b=https://c/") == "example.com");
  CHECK(url_host("https://user:word@example.com/") == "example.com");
  CHECK(url_host("https://[::1]:80/") == "::1");
  for (const char* url : {"", "https://", "example.com", "/path"}) {
    CAPTURE(url);
    CHECK(url_host(url).empty());
  }
}
