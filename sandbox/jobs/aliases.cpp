#include "sandbox/jobs/aliases.h"

#include <filesystem>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::jobs {
namespace {

bool is_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto port = parse_int64(text.substr(colon + 1));
  return port && *port > 0 && *port < 65'536 &&
         text.find_first_of("=; \t") == std::string_view::npos;
}

}  // namespace

void check_alias(const std::string& alias) {
  const std::size_t equals = alias.find('=');
  const std::string from = alias.substr(0, equals);
  const std::string to = equals == std::string::npos ? "" : alias.substr(equals + 1);
  if (is_address(from) && (to == "tracking" || to == "s3" || is_address(to))) return;
  throw Error(Code::invalid_parameter_value,
              "'" + alias +
                  "' is no alias: write NAME:PORT=tracking, NAME:PORT=s3 or NAME:PORT=HOST:PORT.");
}

std::vector<std::pair<std::string, std::string>> alias_variables(
    const std::vector<std::string>& aliases, const LabPorts& ports, const std::string& library) {
  // LD_PRELOAD parts names at these.
  if (library.find_first_of(" :") != std::string::npos) return {};
  if (!std::filesystem::exists(library)) return {};
  std::string names;
  const auto add = [&](const std::string& from, const std::string& to) {
    if (to.empty()) return;
    if (!names.empty()) names += ';';
    names += from + "=" + to;
  };
  for (const std::string& alias : aliases) {
    const std::size_t equals = alias.find('=');
    const std::string to = alias.substr(equals + 1);
    add(alias.substr(0, equals), to == "tracking" ? ports.tracking : to == "s3" ? ports.s3 : to);
  }
  for (const char* suffix : {"*.svc.cluster.local", "*.svc"}) {
    add(std::string(suffix) + ":5000", ports.tracking);
    add(std::string(suffix) + ":9000", ports.s3);
  }
  return {{"MLOPS_SANDBOX_NAMES", names}, {"LD_PRELOAD", library}};
}

}  // namespace sandbox::jobs
