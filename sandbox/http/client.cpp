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

std::optional<Answer> ask(const std::string& url, const Post& post) {
  httplib::Client client(url);
  client.set_read_timeout(post.timeout_ms / 1000, post.timeout_ms % 1000 * 1000);
  client.set_tcp_nodelay(true);
  Answer answer;
  httplib::Request request;
  request.method = "POST";
  request.path = post.target;
  request.set_header("Content-Type", "application/json");
  request.body = post.json;
  request.response_handler = [&](const httplib::Response& response) {
    answer.status = response.status;
    return true;
  };
  request.content_receiver = [&](const char* bytes, std::size_t size, std::uint64_t /*offset*/,
                                 std::uint64_t /*total*/) {
    if (answer.status == 200 && post.piece) {
      post.piece({bytes, size});
    } else {
      answer.body.append(bytes, size);
    }
    return true;
  };
  const httplib::Result result = client.send(request);
  if (!result) return std::nullopt;
  answer.status = result->status;
  return answer;
}

}  // namespace sandbox::http
