#include "sandbox/http/public_address.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <netdb.h>

#include "sandbox/base/error.h"

namespace sandbox::http {
namespace {

struct Network {
  std::uint32_t first;
  int bits;
};

// IANA's special-purpose registry for IPv4, with multicast.
constexpr std::array<Network, 15> special_networks{{
    {0x00000000, 8},   // this network
    {0x0A000000, 8},   // private
    {0x64400000, 10},  // shared, behind carriers' translators
    {0x7F000000, 8},   // loopback
    {0xA9FE0000, 16},  // link-local, metadata services of clouds
    {0xAC100000, 12},  // private
    {0xC0000000, 24},  // protocol assignments
    {0xC0000200, 24},  // documentation
    {0xC0586300, 24},  // 6to4 relays
    {0xC0A80000, 16},  // private
    {0xC6120000, 15},  // benchmarks
    {0xC6336400, 24},  // documentation
    {0xCB007100, 24},  // documentation
    {0xE0000000, 4},   // multicast
    {0xF0000000, 4},   // reserved, broadcast
}};

bool is_public_v4(std::uint32_t address) {
  return std::none_of(special_networks.begin(), special_networks.end(), [&](const Network& one) {
    return (address >> (32 - one.bits)) == (one.first >> (32 - one.bits));
  });
}

std::uint32_t word(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | static_cast<std::uint32_t>(bytes[3]);
}

bool is_public_v6(const std::uint8_t* bytes) {
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  constexpr std::array<std::uint8_t, 12> nat64{0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0};
  if (std::equal(mapped.begin(), mapped.end(), bytes) ||
      std::equal(nat64.begin(), nat64.end(), bytes)) {
    return is_public_v4(word(bytes + 12));
  }
  const std::uint32_t first = word(bytes);
  if (first >> 16 == 0x2002) return is_public_v4(word(bytes + 2));  // 6to4
  if (first >> 29 != 1) return false;                // outside 2000::/3 nothing is public
  if (first >> 9 == 0x20010000U >> 9) return false;  // 2001::/23, protocol assignments
  if (first == 0x20010DB8) return false;             // documentation
  return first >> 12 != 0x3FFF0000U >> 12;           // documentation
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    return is_public_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    return is_public_v6(v6.sin6_addr.s6_addr);
  }
  return false;
}

std::vector<ResolvedAddress> resolve(const std::string& host, const std::string& cannot) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failure = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (failure != 0) {
    throw Error(Code::invalid_parameter_value,
                cannot + ": [Errno " + std::to_string(failure) + "] " + gai_strerror(failure));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
  std::vector<ResolvedAddress> addresses;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text.data(), text.size(), nullptr, 0,
                    NI_NUMERICHOST) != 0) {
      continue;
    }
    addresses.push_back({text.data(), is_public_address(*one->ai_addr)});
  }
  return addresses;
}

}  // namespace sandbox::http
