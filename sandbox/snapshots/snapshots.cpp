#include "sandbox/snapshots/snapshots.h"

#include <algorithm>
#include <filesystem>

#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/base/log.h"
#include "sandbox/base/time.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/snapshots/files.h"

namespace sandbox::snapshots {
namespace {

constexpr std::size_t name_length_max = 100;
constexpr std::string_view unfinished_ending = ".unfinished";

std::string name_of_time(std::int64_t now_ms) {
  std::string name = iso8601_ms(now_ms).substr(0, 19);  // 2026-11-21T08:06:27
  std::replace(name.begin(), name.end(), 'T', '-');
  name.erase(std::remove(name.begin(), name.end(), ':'), name.end());
  return name;
}

Counts counts_of(db::Tx& tx) {
  const auto count = [&](std::string_view sql) {
    db::Rows rows = tx.query(sql);
    return rows.next() ? rows.integer(0) : 0;
  };
  Counts counts;
  counts.experiments = count("SELECT COUNT(*) FROM experiments");
  counts.runs = count("SELECT COUNT(*) FROM runs");
  counts.logged_models = count("SELECT COUNT(*) FROM logged_models");
  counts.registered_models = count("SELECT COUNT(*) FROM registered_models");
  counts.model_versions = count("SELECT COUNT(*) FROM model_versions");
  counts.traces = count("SELECT COUNT(*) FROM trace_info");
  return counts;
}

void sync_all(const std::string& directory) {
  namespace fs = std::filesystem;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_directory()) sync_directory(entry.path().string());
  }
  sync_directory(directory);
}

void remove_left_over(const std::string& work) noexcept {
  try {
    remove_all(work);
  } catch (const std::exception& failure) {
    log::warning("an unfinished snapshot could not be removed", {{"reason", failure.what()}});
  }
}

}  // namespace

struct Snapshots::Held {
  std::unique_ptr<db::Instant> users;  // null where the lab has none
  std::unique_ptr<db::Instant> metadata;
  std::int64_t moment_ms = 0;
};

void Snapshots::reach(std::string_view step) const {
  if (crash_point_) crash_point_(step);
}

Snapshots::Held Snapshots::hold(const std::string& work) {
  Held held;
  const auto objects = [&] {
    if (lab_.artifacts_endpoint.empty()) objects_.checkpoint(work + "/" + objects_name);
    held.moment_ms = env_.now_ms();
    reach("objects copied");
  };
  const auto rows = [&] { held.metadata = database_.hold(objects); };
  const std::string users = lab_.data_dir + "/" + users_name;
  if (exists(users)) {
    held.users = db::hold_file(users, rows);
  } else {
    rows();
  }
  return held;
}

Manifest Snapshots::fill(const std::string& work, const std::string& name) {
  Held held = hold(work);
  held.metadata->copy_to(work + "/" + metadata_name);
  reach("metadata copied");
  Manifest manifest;
  manifest.counts = counts_of(held.metadata->tx());
  held.metadata.reset();
  if (held.users) held.users->copy_to(work + "/" + users_name);
  held.users.reset();
  for (const char* file : {metadata_name, users_name}) {
    if (exists(work + "/" + file)) make_private(work + "/" + file);
  }
  for (const char* file : {job_secrets_name, job_config_name, webhooks_key_name, settings_name}) {
    const std::string from = lab_.data_dir + "/" + file;
    if (exists(from)) copy_file(from, work + "/" + file);
  }
  reach("settings copied");
  if (lab_.artifacts_endpoint.empty()) {
    const auto contents = store::examine_checkpoint(work + "/" + objects_name, false);
    manifest.counts.objects = contents.objects;
    manifest.counts.object_bytes = contents.bytes;
  } else {
    manifest.artifacts_endpoint = lab_.artifacts_endpoint;
    manifest.artifacts_region = lab_.artifacts_region;
    manifest.artifacts_addressing = lab_.artifacts_addressing;
    manifest.artifacts_ca_file = lab_.artifacts_ca_file;
  }
  manifest.format = format_version;
  manifest.version = SANDBOX_VERSION;
  manifest.name = name;
  manifest.created_ms = held.moment_ms;
  manifest.default_artifact_root = lab_.default_artifact_root;
  manifest.artifacts_destination = lab_.artifacts_destination;
  manifest.auth = lab_.auth;
  manifest.files = file_rows(work);
  sync_all(work);
  reach("before the manifest");
  write_file(work + "/" + manifest_name, to_json(manifest) + "\n");
  reach("manifest written");
  return manifest;
}

void Snapshots::check_files(bool metadata_only) const {
  if (metadata_only && lab_.artifacts_endpoint.empty()) {
    throw Error(Code::invalid_parameter_value,
                "The files of this lab lie in its own store, and keeping them costs little: leave "
                "out --metadata-only. A lab restored without them would name files that it does "
                "not have.");
  }
  if (!metadata_only && !lab_.artifacts_endpoint.empty()) {
    throw Error(Code::invalid_state,
                "The files of this lab lie in " + lab_.artifacts_endpoint +
                    ", which cannot be kept at one moment from here. `snapshot save "
                    "--metadata-only` keeps the runs, models, traces and users alone; the files "
                    "stay there, and only that store's own copies or versions bring back what is "
                    "removed from it.");
  }
}

Manifest Snapshots::save(const std::string& wanted, bool metadata_only) {
  if (lab_.data_dir.empty()) {
    throw Error(Code::not_implemented, "This server has no data directory to keep snapshots in.");
  }
  const std::string name = wanted.empty() ? name_of_time(env_.now_ms()) : wanted;
  check_name(name);
  check_files(metadata_only);
  const std::unique_lock one(saving_, std::try_to_lock);
  if (!one) {
    throw Error(Code::resource_conflict,
                "A snapshot is being taken already. Wait until it is finished.");
  }
  const std::string shelf = shelf_of(lab_.data_dir);
  if (!exists(shelf)) make_directory(shelf);
  const std::string directory = shelf + "/" + name;
  if (exists(directory)) {
    throw Error(Code::resource_already_exists,
                "There is a snapshot '" + name +
                    "' already. Take another name, or remove that one "
                    "with `mlops-sandbox snapshot remove " +
                    name + "`.");
  }
  const std::string work = directory + std::string(unfinished_ending);
  remove_all(work);
  make_directory(work);
  const WorkMark mark(work, true);
  reach("begun");
  try {
    const Manifest manifest = fill(work, name);
    move(work, directory);
    log::info(
        "snapshot taken",
        {{"name", name}, {"runs", manifest.counts.runs}, {"objects", manifest.counts.objects}});
    return manifest;
  } catch (const store::Fault& fault) {
    remove_left_over(work);
    throw Error(fault.code() == "InsufficientStorage" ? Code::resource_exhausted
                : fault.code() == "NotImplemented"    ? Code::not_implemented
                                                      : Code::internal_error,
                std::string("The snapshot could not be taken: ") + fault.what());
  } catch (...) {
    remove_left_over(work);
    throw;
  }
}

LabFacts lab_facts(const Config& config) {
  return {config.data_dir,
          config.default_artifact_root,
          config.artifacts_destination,
          config.auth,
          db::is_postgres_uri(config.backend_store_uri) ? "postgresql" : "sqlite",
          config.artifacts_endpoint,
          config.artifacts_region,
          config.artifacts_addressing,
          config.artifacts_ca_file};
}

void check_name(const std::string& name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  const bool is_good = !name.empty() && name.size() <= name_length_max &&
                       std::all_of(name.begin(), name.end(), is_plain) && name.front() != '.' &&
                       name.front() != '-' && !name.ends_with(unfinished_ending);
  if (is_good) return;
  throw Error(Code::invalid_parameter_value,
              "A snapshot's name has 1 to 100 letters, digits, '.', '_' and '-', and begins with a "
              "letter or digit.");
}

std::string shelf_of(const std::string& data_dir) {
  return data_dir + "/snapshots";
}

std::vector<Place> places_of(const std::string& data_dir) {
  std::vector<Place> places;
  const std::string shelf = shelf_of(data_dir);
  for (const std::string& entry : names_in(shelf)) {
    Place place;
    place.name = entry;
    place.directory = shelf + "/" + entry;
    if (entry.ends_with(unfinished_ending)) {
      place.name.resize(entry.size() - unfinished_ending.size());
      place.state =
          WorkMark(place.directory).is_ours() ? Place::State::unfinished : Place::State::being_made;
    } else {
      try {
        place.manifest = read_manifest(place.directory);
      } catch (const Error& failure) {
        place.state = Place::State::unreadable;
        place.reason = failure.message();
      }
    }
    places.push_back(std::move(place));
  }
  return places;
}

bool remove(const std::string& data_dir, const std::string& name) {
  check_name(name);
  const std::string directory = shelf_of(data_dir) + "/" + name;
  const std::string work = directory + std::string(unfinished_ending);
  const bool has_work = exists(work);
  if (has_work) {
    const WorkMark mark(work);
    if (!mark.is_ours()) {
      throw Error(Code::resource_conflict,
                  "The snapshot '" + name + "' is being taken. Wait until it is finished.");
    }
    remove_all(work);
  }
  if (!exists(directory)) return has_work;
  // From here on it is no snapshot any more, whatever happens before all of it is gone.
  move(directory, work);
  const WorkMark mark(work);
  remove_all(work);
  return true;
}

void move_snapshot(const std::string& directory, const std::string& to) {
  if (move(directory, to)) return;
  const std::string work = to + std::string(unfinished_ending);
  remove_all(work);
  make_directory(work);
  const Manifest manifest = read_manifest(directory);
  for (const FileRow& row : manifest.files) {
    const std::filesystem::path target = work + "/" + row.path;
    std::filesystem::create_directories(target.parent_path());
    copy_file(directory + "/" + row.path, target.string());
  }
  const auto wrong = differences(work, manifest, true);
  if (!wrong.empty()) {
    throw Error(Code::invalid_state, "The copy of the snapshot in " + work + " is not whole: " +
                                         wrong.front() + " The snapshot in " + directory + " is.");
  }
  sync_all(work);
  copy_file(directory + "/" + manifest_name, work + "/" + manifest_name);
  move(work, to);
  remove_all(directory);
}

}  // namespace sandbox::snapshots
