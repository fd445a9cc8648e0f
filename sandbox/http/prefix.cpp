#include "sandbox/http/prefix.h"

namespace sandbox::http {

Handler also_below(std::string folder, Handler next) {
  return [folder = std::move(folder), next = std::move(next)](Request& request) {
    // Both forms begin alike unless the client escaped letters of the folder's name.
    const bool is_below = request.path.starts_with(folder + "/") &&
                          request.path.size() > folder.size() + 1 &&
                          request.raw_path.starts_with(folder + "/");
    if (is_below) {
      request.path.erase(0, folder.size());
      request.raw_path.erase(0, folder.size());
    }
    return next(request);
  };
}

}  // namespace sandbox::http
