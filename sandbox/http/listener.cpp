#include "sandbox/http/listener.h"

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <netdb.h>

#include "sandbox/base/error.h"

namespace sandbox::http {
namespace {

constexpr int backlog = 1024;

// 0 or the errno of the call that failed.
int listen_at(const addrinfo& address, Descriptor& out) {
  Descriptor socket(::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                             address.ai_protocol));
  if (!socket.is_open()) return errno;
  const int on = 1;
  const int off = 0;
  ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ai_family == AF_INET6) {
    ::setsockopt(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (::bind(socket.number(), address.ai_addr, address.ai_addrlen) != 0) return errno;
  if (::listen(socket.number(), backlog) != 0) return errno;
  out = std::move(socket);
  return 0;
}

int port_of(const sockaddr_storage& address) {
  return address.ss_family == AF_INET6
             ? ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port)
             : ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// An IPv4 client of a socket for both families is shown by its IPv4 address.
std::string address_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    } else {
      ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
  }
  return text.data();
}

}  // namespace

Listener::Listener(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string at = host + " port " + std::to_string(port);
  const int failure = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                    std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) {
    throw Error(Code::invalid_state, "Cannot listen on " + at + ": " + ::gai_strerror(failure));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
  int reason = 0;
  for (const addrinfo* one = addresses.get(); one && !socket_.is_open(); one = one->ai_next) {
    reason = listen_at(*one, socket_);
  }
  if (!socket_.is_open()) {
    throw Error(Code::invalid_state,
                "Cannot listen on " + at + ": " + std::generic_category().message(reason));
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(socket_.number(), reinterpret_cast<sockaddr*>(&bound), &size);
  port_ = port_of(bound);
}

Listener::Arrival Listener::accept() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  Descriptor socket(::accept4(socket_.number(), reinterpret_cast<sockaddr*>(&peer), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.is_open()) {
    const bool is_exhausted =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    return {is_exhausted ? Outcome::exhausted : Outcome::nothing, Descriptor(), ""};
  }
  // An answer is sent when it is written; nothing is gained by waiting for more.
  const int on = 1;
  ::setsockopt(socket.number(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return {Outcome::accepted, std::move(socket), address_of(peer)};
}

}  // namespace sandbox::http
