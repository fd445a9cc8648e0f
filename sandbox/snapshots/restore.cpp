#include "sandbox/snapshots/restore.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "embedded_store/object_store.h"
#include "sandbox/base/config.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "sandbox/db/postgres_uri.h"
#include "sandbox/db/source.h"
#include "sandbox/migrate/migration.h"
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

// The last line of the mark of a restore into PostgreSQL.
std::string database_line(const Restoring& how) {
  return "Its metadata goes to " + db::without_password(how.postgres_uri) + "\n";
}

void begin(const Restoring& how) {
  const std::string mark = how.data_dir + "/" + mark_name;
  if (!exists(mark)) need_empty(how.data_dir);
  write_file(mark, "A restore from " + how.snapshot + " began here and has not ended.\n" +
                       (how.postgres_uri.empty() ? "" : database_line(how)));
  // All that is here was made by one that did not end. Where the last lab of this directory kept
  // its things is no place of the new one.
  for (const std::string& name : things_in(how.data_dir)) {
    if (name != mark_name) remove_all(how.data_dir + "/" + name);
  }
  remove_all(how.data_dir + "/places.json");
}

// Null where the metadata becomes a file.
std::unique_ptr<db::Database> open_target(const Restoring& how) {
  if (how.postgres_uri.empty()) return nullptr;
  if (!db::is_postgres_uri(how.postgres_uri)) {
    throw Error(Code::invalid_parameter_value,
                "A snapshot is restored into PostgreSQL (postgresql://USER:PASSWORD@HOST:5432/"
                "DATABASE), or into an SQLite file of the new lab's data directory when no "
                "database is named.");
  }
  migrate::check_movable(*db::open_source_database(how.snapshot + "/" + metadata_name));
  auto target = db::open_database(how.postgres_uri);
  const auto others = target->read([](db::Tx& tx) { return tx.other_servers(); });
  if (!others.empty()) {
    throw Error(Code::invalid_state,
                "Other servers have '" + db::without_password(how.postgres_uri) + "' open: " +
                    join(others, ", ") + ". Stop them, or name a database of its own.");
  }
  const std::string mark = how.data_dir + "/" + mark_name;
  // What one that did not end has filled may be filled again.
  if (exists(mark) && read_file(mark).ends_with(database_line(how))) return target;
  if (migrate::is_unused(*target)) return target;
  throw Error(Code::invalid_state, "'" + db::without_password(how.postgres_uri) +
                                       "' has a lab in it already, and a restore overwrites "
                                       "nothing. Name an empty database: CREATE DATABASE lab2;");
}

// All rows, compared one by one afterwards.
void fill(db::Database& target, const Restoring& how) {
  const auto source = db::open_source_database(how.snapshot + "/" + metadata_name);
  const auto tables =
      migrate::move_rows(*source, target, {}, [](const std::string&, std::int64_t) {});
  for (const migrate::TableResult& table : tables) {
    if (table.left.is_none()) continue;
    throw Error(Code::invalid_state,
                "The table " + table.table + " differs from the snapshot, first in " +
                    table.left.first +
                    ". Does somebody else write to that database? Run the restore again.");
  }
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
    if (row.path == metadata_name && !how.postgres_uri.empty()) continue;
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
  std::map<std::string, std::string> settings = how.settings;
  if (!how.postgres_uri.empty()) settings["backend-store-uri"] = how.postgres_uri;
  const std::string text =
      restored_settings(exists(from) ? read_file(from) : "", manifest, settings);
  if (!text.empty()) write_file(how.data_dir + "/" + settings_name, text);
}

// What every snapshot has.
void need_parts(const Manifest& manifest, const std::string& snapshot) {
  const auto has = [&](std::string_view path) {
    return std::any_of(manifest.files.begin(), manifest.files.end(),
                       [&](const FileRow& row) { return row.path == path; });
  };
  const bool has_objects = has(std::string(objects_name) + "/db/CURRENT");
  if (has(metadata_name) && has_objects == manifest.has_objects()) return;
  throw Error(Code::invalid_state, "The manifest in " + snapshot +
                                       " names no metadata or objects: "
                                       "it is damaged.");
}

// Those of the new lab, which are durable afterwards.
void check_objects(const Restoring& how, const Manifest& manifest) {
  const std::string objects = how.data_dir + "/" + objects_name;
  if (store::examine_checkpoint(objects, false).objects != manifest.counts.objects) {
    throw Error(Code::internal_error,
                "The restored objects are not those of the snapshot. The "
                "disk may be failing; the snapshot is unchanged.");
  }
  sync_directory(objects + "/db");
  sync_directory(objects);
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
  const auto target = open_target(how);
  begin(how);
  reach("begun");
  if (target) fill(*target, how);
  reach("database filled");
  copy_files(how, manifest);
  reach("files copied");
  write_settings(how, manifest);
  reach("settings written");
  if (manifest.has_objects()) check_objects(how, manifest);
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
  keep("artifacts-endpoint", manifest.artifacts_endpoint, "");
  keep("artifacts-region", manifest.artifacts_region, standard.artifacts_region);
  keep("artifacts-addressing", manifest.artifacts_addressing, standard.artifacts_addressing);
  keep("artifacts-ca-file", manifest.artifacts_ca_file, "");
  // The metadata lies elsewhere now. The others come again from `wanted`.
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
