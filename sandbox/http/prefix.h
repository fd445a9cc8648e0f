// One more address for everything a server answers, for programs that put a folder before it.
#pragma once

#include <string>

#include "sandbox/http/request.h"

namespace sandbox::http {

// Wraps `next`: "<folder>/a/b" is answered as "/a/b". The folder itself ("/mlflow" and "/mlflow/")
// stays as it is.
Handler also_below(std::string folder, Handler next);

}  // namespace sandbox::http
