#include "sandbox/snapshots/restore.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "embedded_store/object_store.h"
#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/snapshots/files.h"

namespace sandbox::snapshots {
namespace {

constexpr const char* mark_name = "restore.unfinished";
constexpr const char* database_name = "mlflow.db";  // what `up` uses when nobody says

// What may lie in the directory of an empty lab, and what no restore touches.
constexpr std::array<std::string_view, 5> harmless{"lock", "logs", "snapshots", "places.json",
                                                   "restore.unfinished.new"};

bool is_harmless(const std::string& name) {
  return std::find(harmless.begin(), harmless.end(), name) != harmless.end();
}

std::vector<std::string> things_in(const std::string& data_dir) {
  std::vector<std::string> names = names_in(data_dir);
  names.erase(std::remove_if(names.begin(), names.end(), is_harmless), names.end());
  return names;
}

void need_empty(const std::string& data_dir) {
  const std::vector<std::string> names = things_in(data_dir);
  if (names.empty()) return;
  throw Error(Code::invalid_state,
              "There is a lab in " + data_dir + " already (" + join(names, ", ") +
                  "), and a restore overwrites nothing. Restore into another directory with "
                  "--into, or move these out of the way first and keep " +
                  data_dir + "/snapshots.");
}

void begin(const Restoring& how) {
  const std::string mark = how.data_dir + "/" + mark_name;
  if (exists(mark)) {
    // All that is here was made by the one that did not end.
    for (const std::string& name : things_in(how.data_dir)) {
      if (name != mark_name) remove_all(how.data_dir + "/" + name);
    }
    return;
  }
  need_empty(how.data_dir);
  write_file(mark, "A restore from " + how.snapshot + " began here and has not ended.\n");
}

void check_copy(const FileRow& row, const FileFacts& facts) {
  if (facts.bytes == row.bytes && facts.sha256 == row.sha256) return;
  throw Error(Code::invalid_state,
              row.path + " of the snapshot has changed while it was read. Try again.");
}

// Where a file of the snapshot belongs in the lab.
std::string place_in_lab(const std::string& path) {
  return path == metadata_name ? database_name : path;
}

void make_directories(const std::filesystem::path& directory) {
  if (exists(directory.string())) return;
  make_directories(directory.parent_path());
  make_directory(directory.string());
}

void copy_files(const Restoring& how, const Manifest& manifest) {
  for (const FileRow& row : manifest.files) {
    if (row.path == settings_name) continue;
    const std::string from = how.snapshot + "/" + row.path;
    const std::filesystem::path to = how.data_dir + "/" + place_in_lab(row.path);
    make_directories(to.parent_path());
    if (row.sha256.empty()) {
      link_file(from, to.string());
    } else {
      check_copy(row, copy_file(from, to.string()));
    }
    if (how.crash_point) how.crash_point("file copied");
  }
}

void write_settings(const Restoring& how, const Manifest& manifest) {
  const std::string from = how.snapshot + "/" + settings_name;
  const std::string text =
      restored_settings(exists(from) ? read_file(from) : "", manifest, how.settings);
  if (!text.empty()) write_file(how.data_dir + "/" + settings_name, text);
}

// What every snapshot has.
void need_parts(const Manifest& manifest, const std::string& snapshot) {
  const auto has = [&](std::string_view path) {
    return std::any_of(manifest.files.begin(), manifest.files.end(),
                       [&](const FileRow& row) { return row.path == path; });
  };
  if (has(metadata_name) && has(std::string(objects_name) + "/db/CURRENT")) return;
  throw Error(Code::invalid_state, "The manifest in " + snapshot +
                                       " names no metadata or objects: "
                                       "it is damaged.");
}

}  // namespace

void refuse_unfinished(const std::string& data_dir) {
  if (!exists(data_dir + "/" + mark_name)) return;
  throw Error(Code::invalid_state,
              "A restore into " + data_dir +
                  " began and did not end, so this is no whole lab. Run `mlops-sandbox snapshot "
                  "restore` into it again: it begins anew. Or remove the directory.");
}

Manifest restore(const Restoring& how) {
  const auto reach = [&](std::string_view step) {
    if (how.crash_point) how.crash_point(step);
  };
  const Manifest manifest = read_manifest(how.snapshot);
  need_parts(manifest, how.snapshot);
  if (!exists(how.data_dir + "/" + mark_name)) need_empty(how.data_dir);
  const auto wrong = differences(how.snapshot, manifest, how.every_byte);
  if (!wrong.empty()) {
    throw Error(Code::invalid_state, "The snapshot in " + how.snapshot + " is damaged: " +
                                         wrong.front() + " Nothing was restored.");
  }
  begin(how);
  reach("begun");
  copy_files(how, manifest);
  reach("files copied");
  write_settings(how, manifest);
  reach("settings written");
  const auto contents =
      store::examine_checkpoint(how.data_dir + "/" + std::string(objects_name), false);
  if (contents.objects != manifest.counts.objects) {
    throw Error(Code::internal_error,
                "The restored objects are not those of the snapshot. The "
                "disk may be failing; the snapshot is unchanged.");
  }
  for (const std::string& name : {std::string(objects_name) + "/db", std::string(objects_name)}) {
    sync_directory(how.data_dir + "/" + name);
  }
  sync_directory(how.data_dir);
  reach("before the end");
  remove_all(how.data_dir + "/" + mark_name);
  sync_directory(how.data_dir);
  reach("ended");
  return manifest;
}

std::string restored_settings(const std::string& text,
                              const Manifest& manifest,
                              const std::map<std::string, std::string>& settings) {
  const Config standard;
  std::map<std::string, std::string> wanted = settings;
  const auto keep = [&](const char* name, const std::string& value, const std::string& usual) {
    if (!value.empty() && value != usual) wanted.emplace(name, value);
  };
  keep("default-artifact-root", manifest.default_artifact_root, standard.default_artifact_root);
  keep("artifacts-destination", manifest.artifacts_destination, standard.artifacts_destination);
  keep("auth", manifest.auth, standard.auth);
  // The metadata lies in the new data directory now. The others come again from `wanted`.
  constexpr std::array<std::string_view, 5> gone{"backend-store-uri", "default-artifact-root",
                                                 "artifacts-destination", "auth", "app-name"};
  std::string out;
  for (const std::string& line : split(text, '\n')) {
    const std::string name(trim(std::string_view(line).substr(0, line.find('='))));
    const bool is_gone =
        std::find(gone.begin(), gone.end(), name) != gone.end() || wanted.count(name) > 0;
    if (!is_gone) out += line + "\n";
  }
  while (out.ends_with("\n\n")) out.pop_back();
  if (out == "\n") out.clear();
  for (const auto& [name, value] : wanted) out += name + " = " + value + "\n";
  return out;
}

}  // namespace sandbox::snapshots
