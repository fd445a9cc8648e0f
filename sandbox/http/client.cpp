#include "sandbox/http/client.h"

#include <httplib.h>

#include "sandbox/base/text.h"

namespace sandbox::http {
namespace {

constexpr std::size_t upload_buffer_bytes = 256 << 10;

void trust(httplib::Client& client, const std::string& certificate) {
  client.set_ca_cert_path(certificate);
  // The lab's own certificate is trusted as it is, whoever signed it.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(client.ssl_context()), X509_V_FLAG_PARTIAL_CHAIN);
}

}  // namespace

std::optional<Answer> ask(const Peer& peer, const Question& question) {
  httplib::Client client(peer.url);
  const int seconds = question.timeout_ms / 1000;
  const int microseconds = question.timeout_ms % 1000 * 1000;
  client.set_connection_timeout(seconds, microseconds);
  client.set_read_timeout(seconds, microseconds);
  client.set_tcp_nodelay(true);
  if (!peer.trusted_certificate.empty()) trust(client, peer.trusted_certificate);

  httplib::Request request;
  request.method = question.method;
  request.path = question.target;
  if (!peer.bearer.empty()) request.set_header("Authorization", "Bearer " + peer.bearer);
  if (peer.bearer.empty() && !peer.user.empty()) {
    request.set_header("Authorization", "Basic " + base64(peer.user + ":" + peer.password));
  }
  if (question.method != "GET") {
    request.set_header("Content-Type", "application/json");
    request.body = question.json;
  }
  Answer answer;
  if (question.body) {
    std::string buffer(upload_buffer_bytes, '\0');
    const auto provide = [&](std::size_t /*offset*/, httplib::DataSink& sink) {
      const std::size_t count = question.body(buffer.data(), buffer.size());
      if (count > 0) return sink.write(buffer.data(), count);
      sink.done();
      return true;
    };
    const httplib::Result result =
        client.Post(request.path, request.headers, provide, "application/octet-stream");
    if (!result) return std::nullopt;
    return Answer{result->status, result->body};
  }
  request.response_handler = [&](const httplib::Response& response) {
    answer.status = response.status;
    return true;
  };
  request.content_receiver = [&](const char* bytes, std::size_t size, std::uint64_t /*offset*/,
                                 std::uint64_t /*total*/) {
    if (answer.status == 200 && question.piece) {
      question.piece({bytes, size});
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
