// What changes for this lab when it leaves this machine, and what does not (S4-32).
#pragma once

#include <string>
#include <vector>

#include "sandbox/cluster_export/export.h"

namespace sandbox::cluster_export {

struct Difference {
  std::string what;
  std::string here;
  std::string there;
};

struct Explanation {
  std::vector<std::string> same;
  std::vector<Difference> changes;
  std::vector<std::string> stays_behind;  // what neither an export nor `migrate` takes along
};

Explanation explain(const Scene& scene);

// For a terminal.
std::string explanation_text(const Explanation& explanation);

}  // namespace sandbox::cluster_export
