// Which addresses belong to the public internet: a server that sends requests to addresses its
// users give must not reach into the network it stands in.
#pragma once

#include <string>
#include <vector>

#include <sys/socket.h>

namespace sandbox::http {

// False for loopback, private, link-local, shared, reserved and multicast addresses, also when one
// of them is wrapped into an IPv6 address (mapped, 6to4, NAT64).
bool is_public_address(const sockaddr& address);

struct ResolvedAddress {
  std::string text;  // "192.0.2.1"
  bool is_public = false;
};

// What the name stands for now. Throws Error(invalid_parameter_value) with the system's reason; its
// message starts with `cannot`.
std::vector<ResolvedAddress> resolve(const std::string& host, const std::string& cannot);

}  // namespace sandbox::http
