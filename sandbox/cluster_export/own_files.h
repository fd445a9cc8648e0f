// The files of this folder that exports copy or fill in, as the build found them.
#pragma once

#include <span>
#include <string_view>

namespace sandbox::cluster_export {

struct OwnFile {
  std::string_view path;  // below sandbox/cluster_export/
  std::string_view text;
};
std::span<const OwnFile> all_own_files();

}  // namespace sandbox::cluster_export
