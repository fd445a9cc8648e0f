// Shared by the commands that make a lab out of a snapshot.
#pragma once

#include <string>

#include "sandbox/cli/tracking_door.h"
#include "sandbox/snapshots/api.h"
#include "sandbox/snapshots/restore.h"

namespace sandbox::cli {

// What the flag --to-db does.
inline constexpr const char* to_db_text =
    "An empty PostgreSQL database for its metadata; without it, an SQLite file, whatever the first "
    "lab used";

// The directory a person means: a name on the lab's shelf, or, with a '/' in it, a directory.
std::string snapshot_directory(const std::string& word, const std::string& data_dir);
// Takes a snapshot of the lab the flags name, running or stopped.
snapshots::Manifest take_snapshot(const LabFlags& lab, const snapshots::Wanted& wanted);
// "3 experiments, 12 runs, 1 registered model; 40 files, 2.0 MiB"
std::string contents_text(const snapshots::Manifest& manifest);
// Where the new lab keeps its metadata.
std::string backend_store_of(const snapshots::Restoring& how);
// Says how to start the new lab, and when the environment would have it use another database: the
// first lab's, as often as not.
void print_start(const snapshots::Restoring& how);
// Restores under the lock of the new lab.
snapshots::Manifest restore_snapshot(const snapshots::Restoring& how);
std::string absolute_directory(const std::string& path);

}  // namespace sandbox::cli
