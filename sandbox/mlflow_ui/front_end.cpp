#include "sandbox/mlflow_ui/front_end.h"

#include "sandbox/base/text.h"

namespace sandbox::mlflow_ui {
namespace {

namespace fs = std::filesystem;

using Place = std::optional<fs::path>;

constexpr const char* in_package = "mlflow/server/js/build";

bool is_file(const fs::path& path) {
  std::error_code missing;
  return fs::is_regular_file(path, missing);
}

Place with_index(const fs::path& directory) {
  return is_file(directory / "index.html") ? Place(directory) : std::nullopt;
}

// Below an environment's root: lib/python3.11/site-packages, Debian's lib/python3/dist-packages,
// Windows' Lib/site-packages.
Place below_root(const fs::path& root) {
  for (const char* lib : {"lib", "lib64", "local/lib", "Lib"}) {
    if (auto found = with_index(root / lib / "site-packages" / in_package)) return found;
    std::error_code missing;
    for (const auto& entry : fs::directory_iterator(root / lib, missing)) {
      if (!entry.path().filename().string().starts_with("python3")) continue;
      for (const char* packages : {"site-packages", "dist-packages"}) {
        if (auto found = with_index(entry.path() / packages / in_package)) return found;
      }
    }
  }
  return std::nullopt;
}

// An environment's program lies in its bin; a link to it may lie anywhere.
Place of_program(const fs::path& program) {
  if (!is_file(program)) return std::nullopt;
  if (auto found = below_root(program.parent_path().parent_path())) return found;
  std::error_code missing;
  const fs::path real = fs::canonical(program, missing);
  return missing ? std::nullopt : below_root(real.parent_path().parent_path());
}

}  // namespace

Place front_end_of(const fs::path& place) {
  for (const fs::path& directory :
       {place, place / "server/js/build", place / "js/build", place / in_package}) {
    if (auto found = with_index(directory)) return found;
  }
  if (auto found = below_root(place)) return found;
  return of_program(place);
}

Place find_front_end(const Environment& environment) {
  for (const char* active : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (const auto root = environment(active)) {
      if (auto found = below_root(*root)) return found;
    }
  }
  const std::vector<std::string> path = split(environment("PATH").value_or(""), ':');
  for (const char* program : {"python3", "python", "mlflow"}) {
    for (const std::string& directory : path) {
      if (directory.empty()) continue;
      if (auto found = of_program(fs::path(directory) / program)) return found;
    }
  }
  const auto home = environment("HOME");
  return home ? below_root(fs::path(*home) / ".local") : std::nullopt;
}

}  // namespace sandbox::mlflow_ui
