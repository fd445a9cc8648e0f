// The HTTP door: one listening address, strict framing, deadlines, a bounded worker pool, idle
// connections parked without a thread. cpp-httplib writes the answers behind it; nothing of it
// shows here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sandbox/base/tls.h"
#include "sandbox/http/request.h"

namespace sandbox::http {

struct ServerOptions {
  std::string host = "127.0.0.1";  // IPv4, IPv6 or a name; "::" listens on both families
  int port = 0;                    // 0: any free one
  unsigned workers_max = 64;       // threads that run handlers, made when needed
  std::size_t head_bytes_max = 64 * 1024;
  std::size_t headers_max = 200;
  std::size_t connections_max = 4096;
  int head_deadline_ms = 10'000;  // from the first byte of a head to its end
  int body_stall_ms = 30'000;     // the longest silence inside a body, in either direction
  int idle_ms = 75'000;           // a parked connection without a request is closed after this
  int stop_grace_ms = 10'000;     // how long stop() lets requests finish
  std::string server_name = "mlops-sandbox";
  TlsContext* tls = nullptr;  // every connection is encrypted; must outlive the server
};

class Server {
 public:
  // Binds and listens at once, so port() is known before the first request. Throws
  // Error(invalid_state) with the system's reason when the address cannot be had.
  Server(ServerOptions options, Handler handler);
  ~Server();  // stop()

  [[nodiscard]] int port() const;
  void start();
  // No new connections, running requests finish (stop_grace_ms at most), then everything is closed.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sandbox::http
