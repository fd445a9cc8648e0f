#include "sandbox/http/outgoing.h"

#include <algorithm>
#include <memory>

#include <curl/curl.h>

#include "sandbox/base/text.h"
#include "sandbox/http/public_address.h"

namespace sandbox::http {
namespace {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

// What libcurl's callbacks see of one request.
struct Exchange {
  const OutgoingPost& request;
  const std::stop_token& stop;
  OutgoingAnswer answer;
  bool is_full = false;
};

bool start_library() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

// The address libcurl is about to connect to; there is no other look-up after this.
curl_socket_t open_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.request.only_public && !is_public_address(address->addr)) {
    exchange.answer.is_refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t bytes = size * count;
  const std::size_t space = outgoing_answer_bytes_max - exchange.answer.body.size();
  exchange.answer.body.append(data, std::min(bytes, space));
  exchange.is_full = bytes > space;
  return exchange.is_full ? 0 : bytes;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, size * count);
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos &&
      equal_ignoring_case(line.substr(0, colon), "retry-after")) {
    exchange.answer.retry_after = trim(line.substr(colon + 1));
  }
  return size * count;
}

int is_stopped(
    void* user, curl_off_t /*down*/, curl_off_t /*of*/, curl_off_t /*up*/, curl_off_t /*of*/) {
  return static_cast<Exchange*>(user)->stop.stop_requested() ? 1 : 0;
}

List header_lines(const OutgoingPost& request) {
  // An empty Expect: without it libcurl waits a second for a 100 before a large body.
  List lines(curl_slist_append(nullptr, "Expect:"));
  for (const auto& [name, value] : request.headers) {
    curl_slist* longer = curl_slist_append(lines.get(), (name + ": " + value).c_str());
    if (longer == nullptr) break;
    lines.release();
    lines.reset(longer);
  }
  return lines;
}

void set_up(CURL* easy, Exchange& exchange, curl_slist* headers) {
  const OutgoingPost& request = exchange.request;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // also not the environment's
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "mlops-sandbox");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a slow name server must not hold a shutdown
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, is_stopped);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
}

}  // namespace

OutgoingAnswer post(const OutgoingPost& request, const std::stop_token& stop) {
  Exchange exchange{request, stop, {}};
  const std::unique_ptr<CURL, FreeEasy> easy(start_library() ? curl_easy_init() : nullptr);
  if (!easy) {
    exchange.answer.failure = "no request could be made";
    return std::move(exchange.answer);
  }
  const List headers = header_lines(request);
  set_up(easy.get(), exchange, headers.get());
  const CURLcode code = curl_easy_perform(easy.get());
  OutgoingAnswer& answer = exchange.answer;
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK || exchange.is_full) {
    answer.status = static_cast<int>(status);
    answer.is_refused = false;
  } else if (answer.is_refused) {
    answer.failure =
        "its address is not public. This may indicate a name that was changed after it was "
        "checked";
  } else {
    answer.failure = lower(curl_easy_strerror(code));
  }
  return std::move(answer);
}

std::string url_host(const std::string& url) {
  const std::unique_ptr<CURLU, FreeUrl> handle(curl_url());
  char* text = nullptr;
  if (!handle ||
      curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
          CURLUE_OK ||
      curl_url_get(handle.get(), CURLUPART_HOST, &text, 0) != CURLUE_OK) {
    return "";
  }
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, &curl_free);
  const std::string host(text);
  const bool has_brackets = host.starts_with('[') && host.ends_with(']');
  return has_brackets ? host.substr(1, host.size() - 2) : host;
}

}  // namespace sandbox::http
