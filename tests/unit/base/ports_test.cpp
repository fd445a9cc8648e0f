#include "sandbox/base/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace sandbox {
namespace {

class ListeningSocket {
 public:
  ListeningSocket() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(fd_, 1) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~ListeningSocket() { close(fd_); }
  [[nodiscard]] int port() const { return port_; }

 private:
  int fd_;
  int port_ = 0;
};

TEST_CASE("the holder of a port is found with its command", "[base]") {
  const ListeningSocket held;
  const auto holder = port_holder(held.port());
  REQUIRE(holder);
  CHECK(holder->pid == getpid());
  CHECK(holder->command.find("base_test") != std::string::npos);
}

TEST_CASE("a port nobody listens on has no holder", "[base]") {
  int port = 0;
  {
    const ListeningSocket held;
    port = held.port();
  }
  CHECK_FALSE(port_holder(port));
}

TEST_CASE("a free port is offered that is neither held nor wanted otherwise", "[base]") {
  const ListeningSocket held;
  const int free = free_port_after("127.0.0.1", held.port() - 1);
  CHECK(free > held.port());
  CHECK(free_port_after("127.0.0.1", held.port() - 1, {free}) > free);
}

}  // namespace
}  // namespace sandbox
