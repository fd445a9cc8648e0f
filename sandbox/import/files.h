// The files behind another server's artifact URIs, and how they come into the lab's object store.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/artifacts/artifact_location.h"
#include "sandbox/import/ledger.h"

namespace sandbox::import {

struct FileEntry {
  std::string path;  // below the root, with '/' between its parts
  std::uint64_t bytes = 0;
  std::int64_t modified_ms = 0;  // 0 where nobody knows
};

struct FileTree {
  std::vector<FileEntry> files;
  std::function<void(const FileEntry& file, const std::function<void(std::string_view)>& sink)>
      read;
};

// The files of a directory of this machine. Throws std::filesystem::filesystem_error.
FileTree tree_below(const std::filesystem::path& directory);

// The places another server kept files at.
struct FileSource {
  // Whether this process can look at what lies at an artifact URI; else why not.
  std::function<bool(const std::string& uri, std::string& why)> is_reachable;
  // What lies there; an empty tree where nothing was logged. nullopt, and a reason, where it cannot
  // be looked at.
  std::function<std::optional<FileTree>(const std::string& uri, std::string& why)> find;
  // Tells of an experiment before anything in it is asked for.
  std::function<void(const std::string& location, const std::string& experiment_id)> add_experiment;
};

// How many of the files lie below `root` with their sizes, and how many bytes these have.
struct FileCount {
  std::int64_t files = 0;
  std::int64_t bytes = 0;
};
FileCount count_files(const FileTree& tree);
FileCount count_stored(store::ObjectStore& store,
                       const FileTree& tree,
                       const artifacts::Location& root);

// Writes the files below `root`, in flat memory. One that lies there already with the same size and
// not older is left alone. Throws Error for what the store or the source refuses.
void copy_files(store::ObjectStore& store,
                const FileTree& tree,
                const artifacts::Location& root,
                Ledger& ledger);

// Files of this machine. A URI of a directory that is not there is an empty tree when the artifact
// root above it is.
class LocalFiles {
 public:
  // Relative paths count from `directory`. `place`, unless empty, is where the artifact root of the
  // source lies now. Throws Error(invalid_parameter_value) for a place that is no directory.
  LocalFiles(std::string directory, const std::string& place);

  // Tells of an experiment, so that its root is known: the location without the id at its end.
  void add_experiment(const std::string& location, const std::string& experiment_id);
  bool is_reachable(const std::string& uri, std::string& why) const;
  std::optional<FileTree> find(const std::string& uri, std::string& why) const;
  // As what an import asks; this must outlive it.
  FileSource source();

 private:
  [[nodiscard]] std::optional<std::string> path_of(const std::string& uri,
                                                   std::string& root,
                                                   std::string& why) const;

  std::string directory_;
  std::string place_;
  std::vector<std::string> roots_;  // without a slash at the end, the longest first
};

}  // namespace sandbox::import
