#include "sandbox/cli/settings_file.h"

#include <fstream>
#include <string_view>

#include "sandbox/base/private_file.h"
#include "sandbox/base/text.h"
#include "sandbox/cli/lab.h"

namespace sandbox::cli {
namespace {

// The setting a line gives a value to; "" for comments and other lines.
std::string_view name_in(std::string_view line) {
  const std::string_view text = trim(line);
  if (text.empty() || text.front() == '#') return {};
  return trim(text.substr(0, text.find('=')));
}

}  // namespace

void change_settings(const std::string& data_dir,
                     const std::map<std::string, std::string>& settings) {
  const std::string path = settings_file(data_dir);
  std::string text;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!settings.contains(std::string(name_in(line)))) text += line + "\n";
  }
  for (const auto& [name, value] : settings) {
    if (!value.empty()) text += name + " = " + value + "\n";
  }
  write_private_file(path, text);
}

}  // namespace sandbox::cli
