// The checkers that this machine has, run over an export.
#pragma once

#include <string>
#include <vector>

#include "sandbox/cluster_export/files.h"

namespace sandbox::cluster_export {

struct Verdict {
  enum class Kind { passed, failed, absent };
  Kind kind = Kind::absent;
  std::string checker;  // the program
  std::string target;
  std::string output;  // of one that failed
};

// `directory` holds the files of the target. A checker that is not on the PATH is absent; none asks
// the network but those that look schemas up (kubeconform).
std::vector<Verdict> check(const std::string& target,
                           const std::string& directory,
                           const Files& files);

}  // namespace sandbox::cluster_export
