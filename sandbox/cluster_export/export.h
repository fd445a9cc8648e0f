// The targets that a lab can be written out for: a table. Each is a pure function of what the lab
// has and how things are called there, so the same state gives the same bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/cluster_export/files.h"
#include "sandbox/cluster_export/lab.h"
#include "sandbox/cluster_export/layout.h"

namespace sandbox::cluster_export {

// What an export is made of.
struct Scene {
  const Lab& lab;
  const Layout& layout;
};

struct Target {
  std::string_view name;
  std::string_view about;
  // Throws Error with a sentence for what cannot be exported.
  Files (*render)(const Scene& scene);
};

const std::vector<Target>& targets();
// Throws Error(invalid_parameter_value) with the names there are.
const Target& target_named(std::string_view name);

}  // namespace sandbox::cluster_export
