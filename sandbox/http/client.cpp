#include "sandbox/http/client.h"

#include <httplib.h>

namespace sandbox::http {
namespace {

std::optional<Answer> exchange(const Peer& peer, httplib::Request request, int timeout_ms) {
  httplib::Client client(peer.url);
  client.set_connection_timeout(timeout_ms / 1000, timeout_ms % 1000 * 1000);
  client.set_read_timeout(timeout_ms / 1000, timeout_ms % 1000 * 1000);
  client.set_tcp_nodelay(true);
  if (!peer.trusted_certificate.empty()) {
    client.set_ca_cert_path(peer.trusted_certificate);
    // The lab's own certificate is trusted as it is, whoever signed it.
    X509_STORE_set_flags(SSL_CTX_get_cert_store(client.ssl_context()), X509_V_FLAG_PARTIAL_CHAIN);
  }
  if (!peer.bearer.empty()) request.headers.emplace("Authorization", "Bearer " + peer.bearer);
  const httplib::Result result = client.send(request);
  if (!result) return std::nullopt;
  return Answer{result->status, result->body};
}

}  // namespace

std::optional<Answer> ask(const Peer& peer, const std::string& target, int timeout_ms) {
  httplib::Request request;
  request.method = "GET";
  request.path = target;
  return exchange(peer, std::move(request), timeout_ms);
}

std::optional<Answer> send(const Peer& peer,
                           const std::string& method,
                           const std::string& target,
                           const std::string& json,
                           int timeout_ms) {
  httplib::Request request;
  request.method = method;
  request.path = target;
  request.body = json;
  request.headers.emplace("Content-Type", "application/json");
  return exchange(peer, std::move(request), timeout_ms);
}

}  // namespace sandbox::http
