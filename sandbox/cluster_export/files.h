// What a target writes: files by their paths below its directory.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::cluster_export {

struct File {
  std::string text;
  bool is_program = false;  // may be run
};
using Files = std::map<std::string, File>;

// A file that comes with this program, by its path below sandbox/cluster_export/. The build puts
// them into it; asking for another one is a mistake in here.
std::string_view own_file(std::string_view path);
// All of them below a directory ("helm/templates/"), by their paths below it.
Files own_files(std::string_view directory);

// The text with a value for each @{name}. What is put in has been quoted for the language around it
// by the caller. A name that is missing on either side is a mistake in here.
std::string filled(std::string_view text,
                   const std::vector<std::pair<std::string, std::string>>& values);

// Adds the files of one target below `directory`.
void add_files(Files& to, const std::string& directory, const Files& files);

}  // namespace sandbox::cluster_export
