#include "sandbox/snapshots/manifest.h"

#include <algorithm>
#include <filesystem>

#include "embedded_store/object_store.h"
#include "sandbox/base/error.h"
#include "sandbox/base/fields_json.h"
#include "sandbox/snapshots/files.h"

namespace sandbox::snapshots {
namespace {

// The bytes of objects; RocksDB never changes such a file once it is written.
bool is_file_of_chunks(const std::string& path) {
  return path.ends_with(".sst");
}

// Of a manifest somebody else may have written: a path that stays inside the snapshot.
bool is_inside(const std::string& path) {
  const std::filesystem::path plain(path);
  return !path.empty() && plain.is_relative() &&
         std::none_of(plain.begin(), plain.end(), [](const auto& part) { return part == ".."; });
}

void compare_file(const std::string& directory,
                  const FileRow& row,
                  std::vector<std::string>& found) {
  const std::string file = directory + "/" + row.path;
  std::error_code failure;
  const auto bytes = std::filesystem::file_size(file, failure);
  if (failure) {
    found.push_back(row.path + " is missing.");
  } else if (static_cast<std::int64_t>(bytes) != row.bytes) {
    found.push_back(row.path + " has " + std::to_string(bytes) + " bytes instead of " +
                    std::to_string(row.bytes) + ".");
  } else if (!row.sha256.empty() && facts_of(file).sha256 != row.sha256) {
    found.push_back(row.path + " has other content than when it was written.");
  }
}

}  // namespace

Manifest read_manifest(const std::string& directory) {
  const std::string file = directory + "/" + manifest_name;
  if (!exists(file)) {
    throw Error(Code::not_found,
                exists(directory + "/" + metadata_name) || exists(directory + "/" + objects_name)
                    ? "The snapshot in " + directory +
                          " was not finished, so it cannot be used. Remove it and take another."
                    : "There is no snapshot in " + directory + ".");
  }
  Manifest manifest;
  try {
    manifest = from_json<Manifest>(read_file(file));
  } catch (const Error&) {
    throw Error(Code::invalid_state, file + " is damaged: the snapshot cannot be used.");
  }
  if (manifest.format > format_version) {
    throw Error(Code::invalid_state, "The snapshot in " + directory + " has format " +
                                         std::to_string(manifest.format) +
                                         ", which a newer version of this program wrote (" +
                                         manifest.version + "); this one reads up to " +
                                         std::to_string(format_version) + ". Use that version.");
  }
  if (manifest.format < 1) {
    throw Error(Code::invalid_state, file + " is damaged: it names no format.");
  }
  for (const FileRow& row : manifest.files) {
    if (!is_inside(row.path)) {
      throw Error(Code::invalid_state, file + " names a file outside the snapshot.");
    }
  }
  return manifest;
}

std::vector<FileRow> file_rows(const std::string& directory) {
  std::vector<FileRow> rows;
  for (const std::string& path : files_below(directory)) {
    if (path == manifest_name) continue;
    FileRow row;
    row.path = path;
    if (is_file_of_chunks(path)) {
      row.bytes = static_cast<std::int64_t>(std::filesystem::file_size(directory + "/" + path));
    } else {
      const FileFacts facts = facts_of(directory + "/" + path);
      row.bytes = facts.bytes;
      row.sha256 = facts.sha256;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> differences(const std::string& directory,
                                     const Manifest& manifest,
                                     bool every_byte) {
  std::vector<std::string> found;
  for (const FileRow& row : manifest.files) compare_file(directory, row, found);
  if (!found.empty() || !manifest.has_objects()) return found;
  try {
    const auto contents =
        store::examine_checkpoint(directory + "/" + std::string(objects_name), every_byte);
    if (contents.objects != manifest.counts.objects ||
        contents.bytes != manifest.counts.object_bytes) {
      found.push_back("There are " + std::to_string(contents.objects) + " objects of " +
                      std::to_string(contents.bytes) + " bytes instead of " +
                      std::to_string(manifest.counts.objects) + " of " +
                      std::to_string(manifest.counts.object_bytes) + ".");
    }
  } catch (const std::runtime_error& failure) {
    found.emplace_back(failure.what());
  }
  return found;
}

}  // namespace sandbox::snapshots
