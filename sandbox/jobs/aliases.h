// Addresses of a cluster that lead to the lab while a job asks for them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sandbox/jobs/spec.h"

namespace sandbox::jobs {

// Where the lab's ports are, as "host:port"; s3 is "" with --no-s3.
struct LabPorts {
  std::string tracking;
  std::string s3;
};

// Throws Error(invalid_parameter_value) unless `alias` is NAME:PORT=tracking, NAME:PORT=s3 or
// NAME:PORT=HOST:PORT.
void check_alias(const std::string& alias);

// The variables that a job needs for it: what is in `aliases`, then every name that ends in
// .svc.cluster.local or .svc, whose port 5000 is the tracking server's and 9000 S3's. `library` is
// the file that names/getaddrinfo.cpp is built into. None where that is not there, or has a blank
// or a colon in its path.
std::vector<std::pair<std::string, std::string>> alias_variables(
    const std::vector<std::string>& aliases, const LabPorts& ports, const std::string& library);

}  // namespace sandbox::jobs
