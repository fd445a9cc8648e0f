// The door to RocksDB: rocks.cpp alone includes its headers. Three families of keys (keys.h):
//   meta   records; every change goes through the log
//   small  chunks of small objects, written in one batch with the record that names them
//   data   chunks of large objects; each blob is one file, written beside the store, moved in whole
//          and dropped whole, so its bytes are written once and never compacted
// Every function may be called from every thread; a Batch, Cursor or ChunkFile belongs to one.
// Failures are thrown as Fault: InsufficientStorage when the disk is full, InternalError else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embedded_store/engine/keys.h"

namespace store::engine {

enum class Family { meta, small, data };

// Objects and bytes of a bucket, or a change of them.
struct Counters {
  std::int64_t objects = 0;
  std::int64_t bytes = 0;
};

class Rocks;

// Changes that become visible and durable together or not at all.
class Batch {
 public:
  explicit Batch(Rocks& rocks);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  void put(Family family, std::string_view key, std::string_view value);
  void erase(Family family, std::string_view key);
  void add(std::string_view counters_key, const Counters& change);

 private:
  friend class Rocks;
  struct Changes;
  Rocks& rocks_;
  std::unique_ptr<Changes> changes_;
};

// Walks the records that begin with a prefix, in order, as they were when it was made.
class Cursor {
 public:
  ~Cursor();
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  // To the first key that is not less. A new cursor stands on the first record.
  void seek(std::string_view key);
  void next();
  [[nodiscard]] bool valid() const;
  [[nodiscard]] std::string_view key() const;
  [[nodiscard]] std::string_view value() const;

 private:
  friend class Rocks;
  struct Walk;
  explicit Cursor(std::unique_ptr<Walk> walk);
  std::unique_ptr<Walk> walk_;
};

// The file of one large blob while it is written; deleted with this unless it was taken in.
class ChunkFile {
 public:
  ~ChunkFile();
  ChunkFile(const ChunkFile&) = delete;
  ChunkFile& operator=(const ChunkFile&) = delete;
  void append(std::uint32_t chunk, std::string_view bytes);

 private:
  friend class Rocks;
  struct File;
  explicit ChunkFile(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;
};

class Rocks {
 public:
  // A store that is only read changes nothing in its directory, not even at its end.
  enum class Use { write, read_only };
  // Throws std::runtime_error with a sentence for the person who chose the directory.
  explicit Rocks(const std::string& directory, Use use = Use::write);
  ~Rocks();
  Rocks(const Rocks&) = delete;
  Rocks& operator=(const Rocks&) = delete;

  [[nodiscard]] std::optional<std::string> read(Family family, std::string_view key);
  // Hands the value to `sink` without a copy; false when there is none.
  bool read(Family family, std::string_view key, const std::function<void(std::string_view)>& sink);
  [[nodiscard]] Counters counters(std::string_view key);
  [[nodiscard]] Cursor cursor(std::string_view prefix);

  // Durable on return. Concurrent calls share one flush of the disk.
  void commit(Batch& batch);
  // Survives a crash of this program; after a power loss it may have to be done again.
  void apply(Batch& batch);

  [[nodiscard]] std::unique_ptr<ChunkFile> begin_file(Id blob);
  // Moves a finished file into family data, durably. Concurrent calls share their flushes.
  void take_in(ChunkFile& file);
  // Gives the files of these blobs back to the disk.
  void drop_files(std::span<const Id> blobs);
  // Deletes dropped files that a reader was still in when they were dropped; RocksDB would do it
  // with its next flush or compaction, which in a quiet store may be far away. Looks at every file.
  void purge();
  // The blobs that have a file now, ascending.
  [[nodiscard]] std::vector<Id> blobs_with_files();

  // Copies the store as it is at one moment into `directory`/db, which must not exist: a file of
  // chunks gets a second name where the file system is the same, and is copied elsewhere. Commits
  // wait meanwhile.
  void checkpoint(const std::string& directory);
  // Reads every byte that is in files and compares it with the checksums beside it.
  void verify();

 private:
  friend class Batch;
  friend class ChunkFile;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace store::engine
