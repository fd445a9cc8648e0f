// One log line for every request: id, port, user where one logged in, method, target, status, time
// and size. Secrets that can stand in a URL are masked; headers are never logged.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/base/env.h"
#include "sandbox/http/request.h"

namespace sandbox::http {

// Wraps `next`; `part` names the port ("tracking", "s3", "console"). A streamed answer is logged
// when its last byte was handed over.
Handler logged(Env& env, std::string part, Handler next);

// The target as it may be logged: signatures, credentials and tokens of a query are ***, and it is
// cut at a few hundred characters.
std::string masked_target(std::string_view target);

}  // namespace sandbox::http
