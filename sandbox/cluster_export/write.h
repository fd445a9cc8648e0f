// Puts an export on disk: whole or not at all, and over nothing that nobody looked at.
#pragma once

#include <string>
#include <vector>

#include "sandbox/cluster_export/files.h"

namespace sandbox::cluster_export {

struct Change {
  enum class Kind {
    added,
    changed,  // what an export wrote before, with other content now
    edited,   // the same, and somebody has changed it since, or wrote it
    removed,  // an export wrote it before, and it is none of this one
  };
  Kind kind = Kind::added;
  std::string path;  // below the directory
};

// What writing the files into the directory would do; empty when all is there. Throws
// Error(invalid_parameter_value) when the directory is none or cannot be read.
std::vector<Change> compare(const std::string& directory, const Files& files);

// The change as `diff -u` shows it; "" for what is added.
std::string difference(const std::string& directory, const Files& files, const Change& change);

// Writes them all. A new directory appears whole, with one rename; in one that is there each file
// is replaced with a rename once all of them are on disk, and what is `removed` goes. Throws
// Error(invalid_state) naming the file and the system's reason.
void write(const std::string& directory, const Files& files);

}  // namespace sandbox::cluster_export
