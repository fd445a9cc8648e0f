// The listening socket: an address becomes a socket, arrivals become connections. Never blocks.
#pragma once

#include <optional>
#include <string>

#include "sandbox/http/connection.h"

namespace sandbox::http {

class Listener {
 public:
  // Binds and listens. Throws Error(invalid_state) with the system's reason.
  Listener(const std::string& host, int port);

  [[nodiscard]] int socket() const { return socket_.number(); }
  [[nodiscard]] int port() const { return port_; }

  enum class Outcome { accepted, nothing, exhausted };
  struct Arrival {
    Outcome outcome = Outcome::nothing;
    Descriptor socket;
    std::string peer;  // the IP address
  };
  // `exhausted` says that the system is out of file descriptors or memory for now.
  Arrival accept();
  void close() { socket_.close(); }

 private:
  Descriptor socket_;
  int port_ = 0;
};

}  // namespace sandbox::http
