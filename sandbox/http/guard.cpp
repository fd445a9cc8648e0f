#include "sandbox/http/guard.h"

#include <algorithm>
#include <array>
#include <memory>

#include "sandbox/base/log.h"
#include "sandbox/base/text.h"

namespace sandbox::http {
namespace {

std::vector<std::string> usual_hosts() {
  std::vector<std::string> hosts;
  for (const char* name : {"localhost", "127.0.0.1", "[::1]", "0.0.0.0", "host.docker.internal"}) {
    hosts.emplace_back(name);
    hosts.push_back(std::string(name) + ":*");
  }
  for (const char* range : {"192.168.*", "10.*", "fc00:*", "fd00:*", "[fc00:*", "[fd00:*"}) {
    hosts.emplace_back(range);
  }
  for (int second = 16; second < 32; ++second) {
    hosts.push_back("172." + std::to_string(second) + ".*");
  }
  return hosts;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches_glob(pattern, text); });
}

// "http://localhost:8080" to "localhost", "http://[::1]:80" to "[::1]".
std::string_view origin_host(std::string_view origin) {
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return "";
  origin.remove_prefix(scheme + 3);
  origin = origin.substr(0, origin.find('/'));
  if (origin.starts_with('[')) {
    const std::size_t end = origin.find(']');
    return end == std::string_view::npos ? "" : origin.substr(0, end + 1);
  }
  return origin.substr(0, origin.find(':'));
}

bool is_of_this_machine(std::string_view origin) {
  constexpr std::array hosts{"localhost", "127.0.0.1", "[::1]"};
  const std::string host = lower(origin_host(origin));
  return std::find(hosts.begin(), hosts.end(), host) != hosts.end();
}

constexpr std::string_view notebook_viewer = "/static-files/lib/notebook-trace-renderer";

bool changes_state(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

class Guard {
 public:
  Guard(GuardOptions options, Handler next) : options_(std::move(options)), next_(std::move(next)) {
    if (options_.allowed_hosts.empty()) options_.allowed_hosts = usual_hosts();
    every_origin_ = matches_any(options_.cors_allowed_origins, "*");
  }

  Response handle(Request& request) const {
    Response response = decide(request);
    response.headers.set("X-Content-Type-Options", "nosniff");
    // The trace viewer is shown inside notebooks.
    if (options_.x_frame_options != "NONE" && !request.path.starts_with(notebook_viewer)) {
      response.headers.set("X-Frame-Options", options_.x_frame_options);
    }
    return response;
  }

 private:
  Response decide(Request& request) const {
    const std::string_view host = request.headers.get("host");
    const bool is_open = request.path == "/health" || request.path == "/version";
    const bool is_known = options_.is_known && options_.is_known(request);
    if (!is_open && !is_known && !matches_any(options_.allowed_hosts, host))
      return refuse_host(request, host);
    const std::string_view origin = request.headers.get("origin");
    const bool is_api = request.path.starts_with("/api/") ||
                        request.path.starts_with("/ajax-api/") || request.path == "/graphql";
    const bool is_trusted = origin.empty() || every_origin_ || is_of_this_machine(origin) ||
                            matches_any(options_.cors_allowed_origins, origin);
    if (is_api && !is_trusted && changes_state(request.method))
      return refuse_origin(request, origin);
    if (origin.empty() || !is_trusted) return next_(request);
    const bool is_preflight =
        request.method == "OPTIONS" && request.headers.find("access-control-request-method");
    Response response = is_preflight ? preflight(request) : next_(request);
    add_cors_headers(response, origin);
    return response;
  }

  static Response refuse_host(const Request& request, std::string_view host) {
    log::warning("refused a host name", {{"id", request.id}, {"host", host.substr(0, 200)}});
    return Response::text(
        403,
        "Invalid Host header - possible DNS rebinding attack detected. This server "
        "does not answer to the name '" +
            shown(host) +
            "'. Use localhost or the machine's private address, or start the "
            "sandbox with --allowed-hosts and the names it should answer to.\n");
  }

  static Response refuse_origin(const Request& request, std::string_view origin) {
    log::warning("refused an origin", {{"id", request.id}, {"origin", origin.substr(0, 200)}});
    return Response::text(403, "Cross-origin request blocked. A web page from '" + shown(origin) +
                                   "' may not change anything here; start the sandbox with "
                                   "--cors-allowed-origins to let it.\n");
  }

  // A header's value as part of a sentence: printable and short.
  static std::string shown(std::string_view text) {
    std::string out(text.substr(0, 200));
    std::replace_if(
        out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c > 0x7E; }, '?');
    return out;
  }

  static Response preflight(const Request& request) {
    Response response;
    response.status = 204;
    response.headers.set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS, PATCH");
    response.headers.set("Access-Control-Max-Age", "600");
    if (const auto wanted = request.headers.find("access-control-request-headers")) {
      response.headers.set("Access-Control-Allow-Headers", std::string(*wanted));
    }
    return response;
  }

  void add_cors_headers(Response& response, std::string_view origin) const {
    if (every_origin_) {
      response.headers.set("Access-Control-Allow-Origin", "*");
    } else {
      response.headers.set("Access-Control-Allow-Origin", std::string(origin));
      response.headers.set("Access-Control-Allow-Credentials", "true");
      response.headers.add("Vary", "Origin");
    }
    response.headers.set("Access-Control-Expose-Headers", "*");
  }

  GuardOptions options_;
  Handler next_;
  bool every_origin_ = false;
};

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
  const std::string wanted = lower(pattern);
  const std::string given = lower(text);
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string::npos;
  std::size_t star_text = 0;
  while (t < given.size()) {
    if (p < wanted.size() && wanted[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < wanted.size() && (wanted[p] == '?' || wanted[p] == given[t])) {
      ++p;
      ++t;
    } else if (star != std::string::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < wanted.size() && wanted[p] == '*') ++p;
  return p == wanted.size();
}

Handler guarded(GuardOptions options, Handler next) {
  if (options.is_off) return next;
  // Shared because a std::function may be copied; all copies are the same guard.
  auto guard = std::make_shared<const Guard>(std::move(options), std::move(next));
  return [guard](Request& request) { return guard->handle(request); };
}

}  // namespace sandbox::http
