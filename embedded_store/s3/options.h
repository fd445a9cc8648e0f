// What the S3 door is told at its construction.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/log.h"

namespace store::s3 {

struct AccessKey {
  std::string id;
  sandbox::Secret secret;
  bool read_only = false;  // may list and read, is refused every change
};

struct S3Options {
  std::string region = "us-east-1";
  std::vector<AccessKey> access_keys;
  // The secrets of keys that come and go; asked for an id that is none of the above.
  std::function<std::optional<sandbox::Secret>(std::string_view id)> find_secret{};
  // Hosts <bucket>.<domain> and <bucket>.s3.<domain> name a bucket; every other Host is path style.
  std::string domain = "localhost";
};

}  // namespace store::s3
