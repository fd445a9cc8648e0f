// The page on the console's port: what runs where. The console itself comes with a later version.
#pragma once

#include <mutex>
#include <string>

#include "sandbox/http/request.h"

namespace sandbox::console {

struct Places {
  std::string tracking_url;
  std::string s3_url;  // "" when there is no S3 port
  std::string console_url;
  std::string data_dir;
  std::string artifacts_endpoint;  // of the object store that is not ours, else ""
};

class Page {
 public:
  // The ports are known only after they are bound. Safe from every thread, like handle().
  void show(const Places& places);
  [[nodiscard]] http::Response handle(const http::Request& request) const;

 private:
  mutable std::mutex mutex_;  // guards html_
  std::string html_;
};

}  // namespace sandbox::console
