#include "sandbox/http/outgoing.h"

#include <memory>

#include <curl/curl.h>

#include "sandbox/base/text.h"
#include "sandbox/http/caller.h"

namespace sandbox::http {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

}  // namespace

OutgoingAnswer post(const OutgoingPost& request, const std::stop_token& stop) {
  Call call;
  call.method = "POST";
  call.url = request.url;
  call.headers = request.headers;
  call.body = request.body;
  call.answer_bytes_max = outgoing_answer_bytes_max;
  call.connect_timeout_ms = call.stall_timeout_ms = call.timeout_ms = request.timeout_ms;
  call.only_public = request.only_public;
  call.stop = stop;
  // A caller of its own: the next delivery goes to another server, and no connection lingers.
  CallAnswer got = Caller().call(call);
  OutgoingAnswer answer;
  answer.status = got.status;
  answer.body = std::move(got.body);
  answer.retry_after = got.headers.get("retry-after");
  answer.failure = std::move(got.reason);
  if (got.failure == CallFailure::refused) {
    answer.is_refused = true;
    answer.failure =
        "its address is not public. This may indicate a name that was changed after it was "
        "checked";
  }
  return answer;
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
