// Taking snapshots of a lab that may be in use, and the shelf <data>/snapshots where they stand.
//
// The moment of a snapshot: metadata and users are held while nobody can commit to them, and the
// objects are copied in between. So it is what a power cut at that moment would have left: all that
// was acknowledged before, nothing half made, and every file that a row of it speaks of.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/base/config.h"
#include "sandbox/base/env.h"
#include "sandbox/db/database.h"
#include "sandbox/snapshots/manifest.h"

namespace sandbox::snapshots {

// Of the lab, as it was started.
struct LabFacts {
  std::string data_dir;  // "" refuses snapshots
  std::string default_artifact_root;
  std::string artifacts_destination;
  std::string auth;
  std::string backend{};  // "sqlite" or "postgresql"
  // The object store that is not the built-in one, and how it is reached; "" without.
  std::string artifacts_endpoint{};
  std::string artifacts_region{};
  std::string artifacts_addressing{};
  std::string artifacts_ca_file{};
};
LabFacts lab_facts(const Config& config);

// Tests end the process here; called with the name of each step between two changes on disk.
using CrashPoint = std::function<void(std::string_view step)>;

class Snapshots {
 public:
  // The collaborators must outlive it.
  Snapshots(Env& env,
            db::Database& database,
            store::ObjectStore& objects,
            LabFacts lab,
            CrashPoint crash_point = {})
      : env_(env),
        database_(database),
        objects_(objects),
        lab_(std::move(lab)),
        crash_point_(std::move(crash_point)) {}

  // Takes one; it stands on the shelf under its name once it is finished and durable. An empty name
  // becomes the time. Clients are not refused meanwhile: their writes wait for the moment itself. A
  // second caller at the same time gets Error(resource_conflict).
  //
  // Files in another object store cannot be held, and are left where they are: that must be asked
  // for (`metadata_only`), and is refused where the files are the lab's own.
  Manifest save(const std::string& name, bool metadata_only = false);

 private:
  struct Held;
  void reach(std::string_view step) const;
  void check_files(bool metadata_only) const;
  Held hold(const std::string& work);
  Manifest fill(const std::string& work, const std::string& name);

  Env& env_;
  db::Database& database_;
  store::ObjectStore& objects_;
  const LabFacts lab_;
  const CrashPoint crash_point_;
  std::mutex saving_;  // held by the one that is being taken
};

// Throws Error(invalid_parameter_value) unless it is 1 to 100 letters, digits, '.', '_' and '-',
// not beginning with a sign.
void check_name(const std::string& name);
std::string shelf_of(const std::string& data_dir);

// One place on a shelf.
struct Place {
  enum class State { finished, being_made, unfinished, unreadable };
  std::string name;
  std::string directory;
  State state = State::finished;
  Manifest manifest;   // of a finished one
  std::string reason;  // why it is unreadable
};
std::vector<Place> places_of(const std::string& data_dir);
// Removes a snapshot, or what an interrupted one left. False when there is none of that name.
bool remove(const std::string& data_dir, const std::string& name);
// Moves a finished snapshot to a directory that does not exist yet. In another file system that is
// a copy, which is compared before the first goes away.
void move_snapshot(const std::string& directory, const std::string& to);

}  // namespace sandbox::snapshots
