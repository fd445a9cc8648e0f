// Files of a snapshot on disk: copied, linked and written so that they are there after a power cut,
// readable by their owner alone. Failures are Error(invalid_state) with what was being done; a full
// disk is said to be one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sandbox::snapshots {

struct FileFacts {
  std::int64_t bytes = 0;
  std::string sha256;  // hex
};

FileFacts facts_of(const std::string& file);
// `to` must not exist. What the copy holds.
FileFacts copy_file(const std::string& from, const std::string& to);
// A second name for the same bytes; a copy where the file systems differ.
void link_file(const std::string& from, const std::string& to);
// Whole or not at all: the text is never seen half written.
void write_file(const std::string& file, const std::string& text);
// Readable and writable by its owner alone.
void make_private(const std::string& file);
std::string read_file(const std::string& file);
// For its owner only; it must not exist, its parent must.
void make_directory(const std::string& directory);
// The names in it survive a power cut from now on.
void sync_directory(const std::string& directory);
// A rename that survives a power cut. False when the two lie in different file systems.
bool move(const std::string& from, const std::string& to);
// Removes it with all that is in it; nothing there is no error.
void remove_all(const std::string& path);
// The files below a directory, relative to it, in order of their names.
std::vector<std::string> files_below(const std::string& directory);
// The names of what lies directly in it; nothing for a directory that is not there.
std::vector<std::string> names_in(const std::string& directory);
bool exists(const std::string& path);
// Bytes of the files below that no other name shares: what removing it would give back.
std::int64_t own_bytes(const std::string& directory);

// Says that this process works on a directory, for as long as it lives.
class WorkMark {
 public:
  // The directory must exist. When somebody else has it, `wait` waits for it; without, this one is
  // not ours.
  explicit WorkMark(const std::string& directory, bool wait = false);
  ~WorkMark();
  WorkMark(const WorkMark&) = delete;
  WorkMark& operator=(const WorkMark&) = delete;
  [[nodiscard]] bool is_ours() const { return is_ours_; }

 private:
  int directory_ = -1;
  bool is_ours_ = false;
};

}  // namespace sandbox::snapshots
