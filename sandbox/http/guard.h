// What stands in front of the tracking port: who may call it by which name, and from which web
// page. The rules are MLflow's (server/security_utils.py of 3.17), so that a page in a browser
// cannot reach a lab through a name that points to it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/http/request.h"

namespace sandbox::http {

struct GuardOptions {
  // Host header values, '*' and '?' match as in file names. Empty: this machine's names, private
  // addresses, and host.docker.internal.
  std::vector<std::string> allowed_hosts;
  // Origins besides those of this machine. "*" lets every page in, without credentials.
  std::vector<std::string> cors_allowed_origins;
  // Lets a request in under every name: one that shows a secret no web page has.
  std::function<bool(const Request& request)> is_known{};
  std::string x_frame_options = "SAMEORIGIN";  // NONE leaves the header out
  bool is_off = false;                         // no checks, no headers
};

// Wraps `next`. Refusals are 403 as plain text saying what to change; /health and /version answer
// under every name. Every answer gets nosniff and frame headers.
Handler guarded(GuardOptions options, Handler next);

// Whether text matches a pattern of '*', '?' and literal characters, without case.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace sandbox::http
