#include "sandbox/http/caller.h"

#include <algorithm>
#include <exception>
#include <mutex>

#include <curl/curl.h>

#include "sandbox/base/text.h"
#include "sandbox/http/public_address.h"

namespace sandbox::http {
namespace {

constexpr std::size_t idle_connections_max = 16;
constexpr long transfer_buffer_bytes = 256L * 1024;

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using List = std::unique_ptr<curl_slist, FreeList>;

// What libcurl's callbacks see of one call.
struct Exchange {
  const Call& call;
  CURL* easy = nullptr;
  std::uint64_t sent = 0;
  CallAnswer answer{};
  bool is_refused = false;
  std::exception_ptr thrown{};
};

bool start_library() {
  static const bool started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return started;
}

std::uint64_t body_bytes(const Call& call) {
  return call.source ? call.source_bytes : call.body.size();
}

// The address libcurl is about to connect to; there is no other look-up after this.
curl_socket_t open_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.call.only_public && !is_public_address(address->addr)) {
    exchange.is_refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t give_body(char* out, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const Call& call = exchange.call;
  const std::uint64_t left = body_bytes(call) - exchange.sent;
  const auto max = static_cast<std::size_t>(std::min<std::uint64_t>(left, size * count));
  if (max == 0) return 0;
  std::size_t given = max;
  if (call.source) {
    try {
      given = call.source(exchange.sent, out, max);
    } catch (...) {
      exchange.thrown = std::current_exception();
      return CURL_READFUNC_ABORT;
    }
  } else {
    std::copy_n(call.body.data() + exchange.sent, max, out);
  }
  exchange.sent += given;
  return given;
}

// libcurl sends a body again when a kept connection turns out to be closed.
int seek_body(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<Exchange*>(user)->sent = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

bool is_for_sink(const Exchange& exchange) {
  if (!exchange.call.sink) return false;
  long status = 0;
  curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
  return status >= 200 && status < 300;
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t bytes = size * count;
  if (is_for_sink(exchange)) {
    try {
      exchange.call.sink({data, bytes});
    } catch (...) {
      exchange.thrown = std::current_exception();
      return 0;
    }
    return bytes;
  }
  CallAnswer& answer = exchange.answer;
  const std::size_t space = exchange.call.answer_bytes_max - answer.body.size();
  answer.body.append(data, std::min(bytes, space));
  answer.is_cut = bytes > space;
  return answer.is_cut ? 0 : bytes;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  Headers& headers = static_cast<Exchange*>(user)->answer.headers;
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) headers = {};  // what came before belongs to a 1xx
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    headers.add(std::string(line.substr(0, colon)), std::string(trim(line.substr(colon + 1))));
  }
  return size * count;
}

int is_stopped(
    void* user, curl_off_t /*down*/, curl_off_t /*of*/, curl_off_t /*up*/, curl_off_t /*of*/) {
  return static_cast<Exchange*>(user)->call.stop.stop_requested() ? 1 : 0;
}

List header_lines(const Call& call) {
  // An empty Expect: without it libcurl waits a second for a 100 before a large body.
  List lines(curl_slist_append(nullptr, "Expect:"));
  for (const auto& [name, value] : call.headers) {
    // "name;" is libcurl's way to write a header without a value.
    const std::string line = value.empty() ? name + ";" : name + ": " + value;
    curl_slist* longer = curl_slist_append(lines.get(), line.c_str());
    if (longer == nullptr) break;
    lines.release();
    lines.reset(longer);
  }
  return lines;
}

void set_method(CURL* easy, Exchange& exchange) {
  const Call& call = exchange.call;
  if (call.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (call.method == "GET") {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  if (call.method == "DELETE") return;
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_bytes(call)));
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
  curl_easy_setopt(easy, CURLOPT_READDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, &exchange);
}

void set_limits(CURL* easy, Exchange& exchange) {
  const Call& call = exchange.call;
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(call.connect_timeout_ms));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(call.timeout_ms));
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(call.stall_timeout_ms / 1000));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // a slow name server must not hold a shutdown
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, transfer_buffer_bytes);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, transfer_buffer_bytes);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, is_stopped);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &exchange);
}

void set_up(CURL* easy, Exchange& exchange, curl_slist* headers) {
  const Call& call = exchange.call;
  curl_easy_setopt(easy, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  if (!call.use_proxy) curl_easy_setopt(easy, CURLOPT_PROXY, "");  // also not the environment's
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "mlops-sandbox");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  if (!call.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, call.ca_file.c_str());
  if (!call.check_certificate) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  set_method(easy, exchange);
  set_limits(easy, exchange);
}

CallFailure failure_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return CallFailure::unreachable;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION: return CallFailure::certificate;
    case CURLE_SSL_CACERT_BADFILE: return CallFailure::ca_file;
    case CURLE_OPERATION_TIMEDOUT: return CallFailure::stalled;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: return CallFailure::broken;
    default: return CallFailure::other;
  }
}

}  // namespace

struct Caller::Pool {
  Easy take() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        Easy easy = std::move(idle.back());
        idle.pop_back();
        return easy;
      }
    }
    return Easy(start_library() ? curl_easy_init() : nullptr);
  }

  // Keeps its open connection for the next call.
  void give_back(Easy easy) {
    curl_easy_reset(easy.get());
    const std::lock_guard lock(mutex);
    if (idle.size() < idle_connections_max) idle.push_back(std::move(easy));
  }

  std::mutex mutex;
  std::vector<Easy> idle;  // guarded by mutex
};

Caller::Caller() : pool_(std::make_unique<Pool>()) {}
Caller::~Caller() = default;

CallAnswer Caller::call(const Call& call) {
  Easy easy = pool_->take();
  Exchange exchange{call, easy.get()};
  CallAnswer& answer = exchange.answer;
  if (!easy) {
    answer.failure = CallFailure::other;
    answer.reason = "no request could be made";
    return std::move(answer);
  }
  const List headers = header_lines(call);
  set_up(easy.get(), exchange, headers.get());
  const CURLcode code = curl_easy_perform(easy.get());
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  if (code == CURLE_OK || answer.is_cut) {
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
  } else if (exchange.is_refused) {
    answer.failure = CallFailure::refused;
  } else {
    answer.failure = failure_of(code);
    answer.reason = lower(curl_easy_strerror(code));
  }
  pool_->give_back(std::move(easy));
  return std::move(answer);
}

}  // namespace sandbox::http
