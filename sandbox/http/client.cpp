#include "sandbox/http/client.h"

#include <httplib.h>

namespace sandbox::http {

std::optional<Answer> ask(const std::string& url, const std::string& target, int timeout_ms) {
  httplib::Client client(url);
  client.set_connection_timeout(timeout_ms / 1000, timeout_ms % 1000 * 1000);
  client.set_read_timeout(timeout_ms / 1000, timeout_ms % 1000 * 1000);
  client.set_tcp_nodelay(true);
  const httplib::Result result = client.Get(target);
  if (!result) return std::nullopt;
  return Answer{result->status, result->body};
}

}  // namespace sandbox::http
