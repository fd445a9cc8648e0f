// Loaded into a job's programs (LD_PRELOAD): names of a cluster's services lead to the lab, so that
// scripts with such an address inside run unchanged. The variable MLOPS_SANDBOX_NAMES says which,
// as aliases.h describes it. Programs that are linked statically look names up themselves.
#include <cstdlib>
#include <cstring>
#include <string>

#include <dlfcn.h>

#include <netdb.h>

namespace {

using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

bool matches(const char* pattern, std::size_t size, const char* host) {
  if (size > 0 && pattern[0] == '*') {
    const std::size_t length = std::strlen(host);
    return length >= size - 1 &&
           strncasecmp(host + length - (size - 1), pattern + 1, size - 1) == 0;
  }
  return std::strlen(host) == size && strncasecmp(host, pattern, size) == 0;
}

// "host:port" at `text`, up to `end`, split at its last colon.
const char* colon_before(const char* text, const char* end) {
  while (end > text && end[-1] != ':') --end;
  return end > text ? end - 1 : nullptr;
}

// Finds "<pattern>:<port>=<host>:<port>" for host and port in a list with ';' between.
bool find_target(const char* host, const char* port, std::string& to_host, std::string& to_port) {
  const char* names = std::getenv("MLOPS_SANDBOX_NAMES");
  while (names != nullptr && *names != '\0') {
    const char* end = std::strchr(names, ';');
    if (end == nullptr) end = names + std::strlen(names);
    const auto* equals =
        static_cast<const char*>(std::memchr(names, '=', static_cast<std::size_t>(end - names)));
    if (equals != nullptr) {
      const char* from = colon_before(names, equals);
      const char* to = colon_before(equals + 1, end);
      if (from != nullptr && to != nullptr && std::string(from + 1, equals) == port &&
          matches(names, static_cast<std::size_t>(from - names), host)) {
        to_host.assign(equals + 1, to);
        to_port.assign(to + 1, end);
        return true;
      }
    }
    names = *end == ';' ? end + 1 : end;
  }
  return false;
}

}  // namespace

extern "C" int getaddrinfo(const char* node,
                           const char* service,
                           const addrinfo* hints,
                           addrinfo** result) {
  static const auto next = reinterpret_cast<Lookup>(dlsym(RTLD_NEXT, "getaddrinfo"));
  std::string host;
  std::string port;
  if (node != nullptr && service != nullptr && find_target(node, service, host, port)) {
    return next(host.c_str(), port.c_str(), hints, result);
  }
  return next(node, service, hints, result);
}
