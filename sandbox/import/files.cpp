#include "sandbox/import/files.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "sandbox/artifacts/download.h"
#include "sandbox/base/error.h"
#include "sandbox/import/uris.h"

namespace sandbox::import {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_bytes = std::size_t{1} << 18;

void read_file(const fs::path& path, const std::function<void(std::string_view)>& sink) {
  std::ifstream in(path, std::ios::binary);
  std::string buffer(read_bytes, '\0');
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    if (in.gcount() > 0) {
      sink(std::string_view(buffer).substr(0, static_cast<std::size_t>(in.gcount())));
    }
  }
  if (!in.eof()) {
    throw Error(Code::invalid_state, "The file '" + path.string() +
                                         "' cannot be read. Give the user that runs the lab the "
                                         "right to read it, and run the import again.");
  }
}

std::int64_t modified_ms(const fs::directory_entry& entry) {
  const auto time = std::chrono::file_clock::to_sys(entry.last_write_time());
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

FileTree tree_below(const fs::path& directory) {
  FileTree tree;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    tree.files.push_back({entry.path().lexically_relative(directory).generic_string(),
                          entry.file_size(), modified_ms(entry)});
  }
  tree.read = [directory](const FileEntry& file,
                          const std::function<void(std::string_view)>& sink) {
    read_file(directory / file.path, sink);
  };
  return tree;
}

FileCount count_files(const FileTree& tree) {
  FileCount count;
  for (const FileEntry& file : tree.files) {
    ++count.files;
    count.bytes += static_cast<std::int64_t>(file.bytes);
  }
  return count;
}

FileCount count_stored(store::ObjectStore& store,
                       const FileTree& tree,
                       const artifacts::Location& root) {
  FileCount count;
  for (const FileEntry& file : tree.files) {
    const artifacts::Location place = root.below(file.path);
    const auto present = store.find(place.bucket, place.key);
    if (!present || present->size != file.bytes) continue;
    ++count.files;
    count.bytes += static_cast<std::int64_t>(file.bytes);
  }
  return count;
}

void copy_files(store::ObjectStore& store,
                const FileTree& tree,
                const artifacts::Location& root,
                Ledger& ledger) {
  try {
    for (const FileEntry& file : tree.files) {
      const artifacts::Location place = root.below(file.path);
      const auto present = store.find(place.bucket, place.key);
      if (present && present->size == file.bytes && file.modified_ms != 0 &&
          present->modified_ms >= file.modified_ms) {
        continue;
      }
      const auto writer = store.begin_put(place.bucket, place.key);
      tree.read(file, [&](std::string_view piece) {
        writer->write(piece);
        ledger.advance(0, static_cast<std::int64_t>(piece.size()));
      });
      store::ObjectHeaders headers;
      headers.content_type = artifacts::content_type_of(place.key);
      writer->commit(headers);
    }
  } catch (const store::Fault& fault) {
    throw Error(Code::invalid_state, "The files of s3://" + root.bucket + "/" + root.key +
                                         " could not be stored: " + fault.what());
  }
}

LocalFiles::LocalFiles(std::string directory, const std::string& place)
    : directory_(std::move(directory)) {
  if (place.empty()) return;
  const auto path = local_path(place, fs::current_path().string());
  if (!path || !fs::is_directory(*path)) {
    throw Error(Code::invalid_parameter_value,
                "--artifacts '" + place +
                    "' is no directory of this machine. Name the one that has the experiments' "
                    "directories (0, 1, …) in it.");
  }
  place_ = *path;
}

void LocalFiles::add_experiment(const std::string& location, const std::string& experiment_id) {
  std::string root(without_slash(location));
  if (!root.ends_with("/" + experiment_id)) return;
  root.resize(root.size() - experiment_id.size() - 1);
  if (std::find(roots_.begin(), roots_.end(), root) != roots_.end()) return;
  roots_.push_back(root);
  std::stable_sort(roots_.begin(), roots_.end(),
                   [](const auto& left, const auto& right) { return left.size() > right.size(); });
}

std::optional<std::string> LocalFiles::path_of(const std::string& uri,
                                               std::string& root,
                                               std::string& why) const {
  if (!place_.empty()) {
    root = place_;
    if (const auto path = proxied_path(uri)) return place_ + "/" + *path;
    for (const std::string& one : roots_) {
      if (uri.starts_with(one + "/")) return place_ + uri.substr(one.size());
    }
  }
  if (const auto path = proxied_path(uri)) {
    // Where `mlflow server` keeps them unless it is told otherwise.
    root = (fs::path(directory_) / "mlartifacts").string();
    why = "they went through the other server, whose own directory of artifacts is not known";
    return root + "/" + *path;
  }
  auto path = local_path(uri, directory_);
  if (!path) {
    why = "they are at a place that only the other server's clients can reach";
    return std::nullopt;
  }
  root = fs::path(*path).parent_path().string();
  for (const std::string& one : roots_) {
    if (!uri.starts_with(one + "/")) continue;
    root = local_path(one, directory_).value_or(root);
    break;
  }
  why = "there is no directory " + root;
  return path;
}

bool LocalFiles::is_reachable(const std::string& uri, std::string& why) const {
  std::string root;
  const auto path = path_of(uri, root, why);
  std::error_code unreadable;
  return path && (fs::is_directory(*path, unreadable) || fs::is_directory(root, unreadable));
}

FileSource LocalFiles::source() {
  return {
      [this](const std::string& uri, std::string& why) { return is_reachable(uri, why); },
      [this](const std::string& uri, std::string& why) { return find(uri, why); },
      [this](const std::string& location, const std::string& id) { add_experiment(location, id); }};
}

std::optional<FileTree> LocalFiles::find(const std::string& uri, std::string& why) const {
  std::string root;
  const auto path = path_of(uri, root, why);
  if (!path) return std::nullopt;
  try {
    if (fs::is_directory(*path)) return tree_below(*path);
    if (fs::is_directory(root)) return FileTree{};
  } catch (const fs::filesystem_error& failure) {
    why = std::string("they cannot be read: ") + failure.code().message() + " (" +
          failure.path1().string() + ")";
  }
  return std::nullopt;
}

}  // namespace sandbox::import
