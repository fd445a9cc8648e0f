#include "embedded_store/engine/rocks.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <stdexcept>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_batch.h>

#include "embedded_store/engine/engine_log.h"
#include "embedded_store/object_store.h"

namespace store::engine {
namespace {

constexpr std::size_t memtable_bytes = 8 << 20;
constexpr std::size_t log_bytes_max = 32 << 20;  // bounds what a start after a crash has to replay
constexpr std::size_t cache_bytes = 16 << 20;
constexpr int open_files_max = 256;

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& text) {
  return {text.data(), text.size()};
}

// `doing` completes the sentence "... while <doing>".
void check(const rocksdb::Status& status, const char* doing) {
  if (status.ok()) return;
  if (status.IsNoSpace()) {
    throw Fault("InsufficientStorage",
                std::string("The disk of the object store is full; it happened while ") + doing +
                    ". Free space on it and try again a few seconds later.");
  }
  throw Fault("InternalError",
              std::string("The object store failed while ") + doing + ": " + status.ToString());
}

std::string encode_counters(const Counters& counters) {
  std::string out(sizeof counters.objects + sizeof counters.bytes, '\0');
  auto put = [&](std::size_t at, std::int64_t number) {
    for (std::size_t i = 0; i < 8; ++i) {
      out[at + i] = static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i) & 0xFF);
    }
  };
  put(0, counters.objects);
  put(8, counters.bytes);
  return out;
}

std::optional<Counters> decode_counters(std::string_view bytes) {
  if (bytes.size() != 16) return std::nullopt;
  auto get = [&](std::size_t at) {
    std::uint64_t number = 0;
    for (std::size_t i = 8; i-- > 0;) {
      number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
    }
    return static_cast<std::int64_t>(number);
  };
  return Counters{.objects = get(0), .bytes = get(8)};
}

// Two little-endian 64-bit numbers, objects and bytes, that add up. The name is part of the format.
class AddCounters final : public rocksdb::AssociativeMergeOperator {
 public:
  [[nodiscard]] const char* Name() const override { return "sandbox.counters"; }
  bool Merge(const rocksdb::Slice& /*key*/,
             const rocksdb::Slice* existing,
             const rocksdb::Slice& change,
             std::string* result,
             rocksdb::Logger* /*log*/) const override {
    const auto added = decode_counters(view(change));
    const auto before = existing ? decode_counters(view(*existing)) : Counters{};
    if (!added || !before) return false;
    *result = encode_counters(
        {.objects = before->objects + added->objects, .bytes = before->bytes + added->bytes});
    return true;
  }
};

rocksdb::DBOptions database_options() {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_open_files = open_files_max;
  options.max_background_jobs = 2;
  options.max_total_wal_size = log_bytes_max;
  options.max_manifest_file_size = 16 << 20;
  options.bytes_per_sync = 4 << 20;
  options.table_cache_numshardbits = 2;
  // Reads are whole chunks in order more often than not: the kernel's readahead helps.
  options.advise_random_on_open = false;
  options.skip_stats_update_on_db_open = true;
  options.skip_checking_sst_file_sizes_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

rocksdb::ColumnFamilyOptions family_options(Family family,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.format_version = 5;
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memtable_bytes;
  options.arena_block_size = 256 << 10;
  options.level_compaction_dynamic_level_bytes = true;
  switch (family) {
    case Family::meta:
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
      table.block_size = 8 << 10;
      options.compression = rocksdb::kLZ4Compression;
      options.merge_operator = std::make_shared<AddCounters>();
      // A counter that is changed a million times must not be summed from a million changes.
      options.max_successive_merges = 32;
      break;
    case Family::small:
      options.compression = rocksdb::kLZ4Compression;
      // Chunks come and go under ever new ids: without this a file of nothing but deletions would
      // wait forever for a neighbour to be compacted with.
      options.table_properties_collector_factories.push_back(
          rocksdb::NewCompactOnDeletionCollectorFactory(256, 128));
      break;
    case Family::data:
      options.compression = rocksdb::kNoCompression;
      options.disable_auto_compactions = true;
      break;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// RocksDB writes a log beside a store even where it only reads.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

// Commits pass together; whoever closes the gate has it alone. Unlike a shared_mutex it lets nobody
// new in while one waits to close it, so that steady commits cannot keep that one out.
class Gate {
 public:
  class Pass {
   public:
    explicit Pass(Gate& gate) : gate_(gate) {
      std::unique_lock lock(gate_.mutex_);
      gate_.moved_.wait(lock, [&] { return !gate_.is_closed_; });
      ++gate_.inside_;
    }
    ~Pass() {
      const std::lock_guard lock(gate_.mutex_);
      if (--gate_.inside_ == 0) gate_.moved_.notify_all();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    Gate& gate_;
  };
  class Closed {
   public:
    explicit Closed(Gate& gate) : gate_(gate) {
      std::unique_lock lock(gate_.mutex_);
      gate_.moved_.wait(lock, [&] { return !gate_.is_closed_; });
      gate_.is_closed_ = true;
      gate_.moved_.wait(lock, [&] { return gate_.inside_ == 0; });
    }
    ~Closed() {
      const std::lock_guard lock(gate_.mutex_);
      gate_.is_closed_ = false;
      gate_.moved_.notify_all();
    }
    Closed(const Closed&) = delete;
    Closed& operator=(const Closed&) = delete;

   private:
    Gate& gate_;
  };

 private:
  std::mutex mutex_;  // guards what is below
  std::condition_variable moved_;
  std::size_t inside_ = 0;
  bool is_closed_ = false;
};

[[noreturn]] void refuse_to_open(const std::string& directory, const rocksdb::Status& status) {
  const std::string cause = status.ToString();
  const std::string start = "The object store in " + directory + " cannot be opened: ";
  if (cause.find("/LOCK") != std::string::npos) {
    if (cause.find("Permission denied") == std::string::npos) {
      throw std::runtime_error(start +
                               "another process owns it. Stop that process or choose another "
                               "directory.");
    }
  }
  if (cause.find("Column families not opened") != std::string::npos) {
    throw std::runtime_error(start +
                             "it was written by a newer version of this program. Use that version, "
                             "or another directory.");
  }
  if (status.IsNoSpace()) {
    throw std::runtime_error(start + "the disk is full. Free space on it and start again.");
  }
  if (status.IsCorruption()) throw std::runtime_error(start + "it is damaged (" + cause + ").");
  throw std::runtime_error(start + cause);
}

}  // namespace

struct Rocks::State {
  explicit State(const std::string& directory)
      : staging(directory + "/staging"), cache(rocksdb::NewLRUCache(cache_bytes, 2)) {}

  // A file that waits to be taken in together with others.
  struct Arrival {
    std::string path;
    std::optional<rocksdb::Status> result;
  };

  rocksdb::Status ingest(const std::vector<std::string>& paths) {
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.snapshot_consistency = false;
    options.write_global_seqno = false;
    return db->IngestExternalFile(family(Family::data), paths, options);
  }

  rocksdb::ColumnFamilyHandle* family(Family which) {
    return families[static_cast<std::size_t>(which)].get();
  }

  std::string staging;
  std::shared_ptr<rocksdb::Cache> cache;
  bool is_read_only = false;
  rocksdb::Options file_options;  // of a ChunkFile
  std::unique_ptr<rocksdb::DB> db;
  std::array<std::unique_ptr<rocksdb::ColumnFamilyHandle>, 3> families;

  Gate commits;

  std::mutex arrivals_mutex;
  std::condition_variable arrived;
  std::vector<Arrival*> arrivals;
  bool taking_in = false;
};

Rocks::Rocks(const std::string& directory, Use use) : state_(std::make_unique<State>(directory)) {
  state_->is_read_only = use == Use::read_only;
  std::error_code failure;
  if (!state_->is_read_only) std::filesystem::create_directories(state_->staging, failure);
  if (failure) {
    throw std::runtime_error("The directory " + state_->staging +
                             " cannot be made: " + failure.message());
  }
  const std::string place = directory + "/db";
  rocksdb::DBOptions options = database_options();
  if (state_->is_read_only) {
    options.info_log = std::make_shared<NoLog>();
  } else {
    options.info_log = make_engine_log(place);
  }
  const std::vector<rocksdb::ColumnFamilyDescriptor> descriptors = {
      {rocksdb::kDefaultColumnFamilyName, family_options(Family::meta, state_->cache)},
      {"small", family_options(Family::small, state_->cache)},
      {"data", family_options(Family::data, state_->cache)},
  };
  state_->file_options = rocksdb::Options(options, descriptors[2].options);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto status = state_->is_read_only
                          ? rocksdb::DB::OpenForReadOnly(options, place, descriptors, &handles, &db)
                          : rocksdb::DB::Open(options, place, descriptors, &handles, &db);
  if (!status.ok()) refuse_to_open(directory, status);
  state_->db.reset(db);
  for (std::size_t i = 0; i < handles.size(); ++i) state_->families[i].reset(handles[i]);
  if (state_->is_read_only) return;

  // Whatever lies there was being written when the last process ended; the lock is ours now.
  for (const auto& entry : std::filesystem::directory_iterator(state_->staging, failure)) {
    std::filesystem::remove(entry.path(), failure);
  }
}

Rocks::~Rocks() {
  // What is only in the log would have to be replayed by the next start. A failure costs that time
  // and nothing else.
  if (!state_->is_read_only) {
    (void)state_->db->Flush({}, {state_->family(Family::meta), state_->family(Family::small)});
  }
  for (auto& family : state_->families) family.reset();
  (void)state_->db->Close();
}

std::optional<std::string> Rocks::read(Family family, std::string_view key) {
  std::optional<std::string> out;
  read(family, key, [&](std::string_view value) { out = value; });
  return out;
}

bool Rocks::read(Family family,
                 std::string_view key,
                 const std::function<void(std::string_view)>& sink) {
  rocksdb::ReadOptions options;
  // Large objects would sweep everything else out of the cache; the kernel keeps their pages.
  options.fill_cache = family != Family::data;
  rocksdb::PinnableSlice value;
  const auto status = state_->db->Get(options, state_->family(family), slice(key), &value);
  if (status.IsNotFound()) return false;
  check(status, "reading");
  sink(view(value));
  return true;
}

Counters Rocks::counters(std::string_view key) {
  const auto bytes = read(Family::meta, key);
  if (!bytes) return {};
  const auto counters = decode_counters(*bytes);
  if (!counters) throw Fault("InternalError", "The counters of a bucket are damaged");
  return *counters;
}

struct Cursor::Walk {
  std::string prefix;
  std::string end;
  rocksdb::Slice end_slice;
  std::unique_ptr<rocksdb::Iterator> iterator;
};

Cursor::Cursor(std::unique_ptr<Walk> walk) : walk_(std::move(walk)) {}
Cursor::~Cursor() = default;
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;

void Cursor::seek(std::string_view key) {
  walk_->iterator->Seek(slice(std::max(key, std::string_view(walk_->prefix))));
}
void Cursor::next() {
  walk_->iterator->Next();
}
bool Cursor::valid() const {
  if (walk_->iterator->Valid()) return true;
  check(walk_->iterator->status(), "listing");
  return false;
}
std::string_view Cursor::key() const {
  return view(walk_->iterator->key());
}
std::string_view Cursor::value() const {
  return view(walk_->iterator->value());
}

Cursor Rocks::cursor(std::string_view prefix) {
  auto walk = std::make_unique<Cursor::Walk>();
  walk->prefix = prefix;
  walk->end = successor(prefix);
  walk->end_slice = walk->end;
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &walk->end_slice;
  walk->iterator.reset(state_->db->NewIterator(options, state_->family(Family::meta)));
  walk->iterator->Seek(slice(prefix));
  return Cursor(std::move(walk));
}

struct Batch::Changes {
  rocksdb::WriteBatch batch;
};

Batch::Batch(Rocks& rocks) : rocks_(rocks), changes_(std::make_unique<Changes>()) {}
Batch::~Batch() = default;

void Batch::put(Family family, std::string_view key, std::string_view value) {
  check(changes_->batch.Put(rocks_.state_->family(family), slice(key), slice(value)),
        "collecting a change");
}

void Batch::erase(Family family, std::string_view key) {
  check(changes_->batch.Delete(rocks_.state_->family(family), slice(key)), "collecting a change");
}

void Batch::add(std::string_view counters_key, const Counters& change) {
  check(changes_->batch.Merge(rocks_.state_->family(Family::meta), slice(counters_key),
                              encode_counters(change)),
        "collecting a change");
}

void Rocks::commit(Batch& batch) {
  rocksdb::WriteOptions options;
  options.sync = true;
  const Gate::Pass pass(state_->commits);
  check(state_->db->Write(options, &batch.changes_->batch), "writing");
}

void Rocks::apply(Batch& batch) {
  const Gate::Pass pass(state_->commits);
  check(state_->db->Write({}, &batch.changes_->batch), "writing");
}

struct ChunkFile::File {
  File(const rocksdb::Options& options, rocksdb::ColumnFamilyHandle* family)
      : writer(rocksdb::EnvOptions(options), options, family, /*invalidate_page_cache=*/false) {}
  ~File() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  Id blob = 0;
  std::string path;
  rocksdb::SstFileWriter writer;
};

ChunkFile::ChunkFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
ChunkFile::~ChunkFile() = default;

void ChunkFile::append(std::uint32_t chunk, std::string_view bytes) {
  check(file_->writer.Put(chunk_key(file_->blob, chunk), slice(bytes)),
        "writing the bytes of an object");
}

std::unique_ptr<ChunkFile> Rocks::begin_file(Id blob) {
  auto file = std::make_unique<ChunkFile::File>(state_->file_options, state_->family(Family::data));
  file->blob = blob;
  file->path = state_->staging + "/" + std::to_string(blob) + ".sst";
  check(file->writer.Open(file->path), "making a file for the bytes of an object");
  return std::unique_ptr<ChunkFile>(new ChunkFile(std::move(file)));
}

// One caller takes in the files of all who wait, as RocksDB's own write group does for batches:
// moving files in stops other writers for a flush of the manifest, whatever their number.
void Rocks::take_in(ChunkFile& file) {
  check(file.file_->writer.Finish(), "writing the bytes of an object");
  State::Arrival mine{.path = file.file_->path, .result = std::nullopt};
  std::unique_lock lock(state_->arrivals_mutex);
  state_->arrivals.push_back(&mine);
  state_->arrived.wait(lock, [&] { return mine.result || !state_->taking_in; });
  if (!mine.result) {
    state_->taking_in = true;
    const std::vector<State::Arrival*> group = std::move(state_->arrivals);
    state_->arrivals.clear();
    lock.unlock();
    std::vector<std::string> paths;
    paths.reserve(group.size());
    for (const auto* arrival : group) paths.push_back(arrival->path);
    const auto status = state_->ingest(paths);
    std::vector<rocksdb::Status> results(group.size(), status);
    if (!status.ok() && group.size() > 1) {
      // One bad file must not fail the others.
      for (std::size_t i = 0; i < group.size(); ++i) results[i] = state_->ingest({paths[i]});
    }
    lock.lock();
    for (std::size_t i = 0; i < group.size(); ++i) group[i]->result = results[i];
    state_->taking_in = false;
    state_->arrived.notify_all();
  }
  check(*mine.result, "keeping the bytes of an object");
}

void Rocks::drop_files(std::span<const Id> blobs) {
  if (blobs.empty()) return;
  std::vector<std::string> bounds;
  bounds.reserve(blobs.size() * 2);
  for (const Id blob : blobs) {
    bounds.push_back(chunk_key(blob, 0));
    bounds.push_back(chunk_key(blob, UINT32_MAX));
  }
  std::vector<rocksdb::Slice> slices(bounds.begin(), bounds.end());
  std::vector<rocksdb::RangePtr> ranges;
  ranges.reserve(blobs.size());
  for (std::size_t i = 0; i < slices.size(); i += 2)
    ranges.emplace_back(&slices[i], &slices[i + 1]);
  check(rocksdb::DeleteFilesInRanges(state_->db.get(), state_->family(Family::data), ranges.data(),
                                     ranges.size()),
        "freeing the space of an object");
}

void Rocks::purge() {
  check(state_->db->DisableFileDeletions(), "freeing the space of an object");
  check(state_->db->EnableFileDeletions(/*force=*/false), "freeing the space of an object");
}

std::vector<Id> Rocks::blobs_with_files() {
  rocksdb::ColumnFamilyMetaData family;
  state_->db->GetColumnFamilyMetaData(state_->family(Family::data), &family);
  std::vector<Id> blobs;
  blobs.reserve(family.file_count);
  for (const auto& level : family.levels) {
    for (const auto& file : level.files) blobs.push_back(blob_of(file.smallestkey));
  }
  std::sort(blobs.begin(), blobs.end());
  return blobs;
}

// RocksDB lists the files first and the end of the log a little later. A batch in between could
// name a file that came after the list, so no batch is written meanwhile. A file that is moved in
// then is one that no record names: whoever opens the copy removes it.
void Rocks::checkpoint(const std::string& directory) {
  rocksdb::Checkpoint* made = nullptr;
  check(rocksdb::Checkpoint::Create(state_->db.get(), &made), "preparing a copy");
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // What is left for the moment in which commits wait is little then.
  check(state_->db->Flush({}, {state_->family(Family::meta), state_->family(Family::small)}),
        "preparing a copy");
  const Gate::Closed closed(state_->commits);
  check(checkpoint->CreateCheckpoint(directory + "/db"), "copying the store");
}

void Rocks::verify() {
  check(state_->db->VerifyChecksum(), "reading every file");
}

}  // namespace store::engine
