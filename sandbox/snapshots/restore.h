// A lab out of a snapshot, in a directory where nothing is yet.
#pragma once

#include <map>
#include <string>

#include "sandbox/snapshots/manifest.h"
#include "sandbox/snapshots/snapshots.h"

namespace sandbox::snapshots {

struct Restoring {
  std::string snapshot;  // its directory; only read
  std::string data_dir;  // of the new lab; must exist, and the caller holds its lock
  // Read and check every byte of the objects before anything is made of them.
  bool every_byte = true;
  // A PostgreSQL database that nobody uses yet, for the metadata; "" is an SQLite file in data_dir.
  std::string postgres_uri{};
  // Settings of the new lab that its settings file shall name, e.g. {"port", "5001"}.
  std::map<std::string, std::string> settings{};
  CrashPoint crash_point{};
};

// Throws Error when the snapshot is not whole or the directory or database has something of a lab
// in it. Until the end the directory is marked; a second try begins anew. The settings file of the
// new lab names its database, with the password where the URI has one.
Manifest restore(const Restoring& how);

// Throws Error(invalid_state) where a restore began and did not end.
void refuse_unfinished(const std::string& data_dir);

// The settings file of the new lab: the one of the snapshot without what named places of the old
// lab, with what its rows rely on, and with `settings` in place of the lines of these names.
std::string restored_settings(const std::string& text,
                              const Manifest& manifest,
                              const std::map<std::string, std::string>& settings);

}  // namespace sandbox::snapshots
