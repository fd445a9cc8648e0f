// The way out: writes one answer to a connection through cpp-httplib. Each thread that answers has
// its own Door.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sandbox/base/env.h"
#include "sandbox/http/connection.h"
#include "sandbox/http/request.h"

namespace sandbox::http {

// What the answer has to know of its request.
struct Exchange {
  std::string_view id;       // x-request-id
  bool is_head = false;      // no body is sent, whatever the answer holds
  bool is_http_1_0 = false;  // no chunks: the end of the connection ends the body
  bool keep_alive = false;   // false says "Connection: close"
};

class Door {
 public:
  explicit Door(std::string server_name);
  ~Door();

  // True when the whole answer went out as announced; otherwise the connection must be closed. A
  // stream that throws is cut off there, and its reason is logged unless the client left.
  bool send(Connection& connection, const Exchange& exchange, Response response);

 private:
  class Library;

  const std::string& date();

  SystemEnv env_;
  std::string server_name_;
  std::string date_;
  std::int64_t date_second_ = -1;
  std::unique_ptr<Library> library_;
};

}  // namespace sandbox::http
