// The object store over RocksDB: every promise of object_store.h, kept by five files: store.cpp
// (opening, buckets), objects.cpp (writing, reading, removing), listing.cpp, multipart.cpp and
// checkpoint.cpp.
//
// Locks, taken in this order:
//   Bucket::in_use   shared by every change inside the bucket, alone for removing it
//   key_locks_       striped by bucket and key; held over "read what is there, decide, commit" by
//   every
//                    change of an object and of the uploads that make it
//   buckets_mutex_   for a look at the map; making a bucket holds it over the commit
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "embedded_store/engine/chunks.h"
#include "embedded_store/engine/ids.h"
#include "embedded_store/engine/records.h"
#include "embedded_store/engine/rocks.h"
#include "embedded_store/engine/sweep.h"
#include "embedded_store/object_store.h"
#include "sandbox/base/hash.h"

namespace store::engine {

class Store final : public ObjectStore {
 public:
  Store(sandbox::Env& env, const std::string& directory, StoreOptions options);

  void create_bucket(const std::string& bucket, const std::string& region) override;
  std::optional<BucketInfo> find_bucket(const std::string& bucket) override;
  std::vector<BucketInfo> buckets() override;
  void delete_bucket(const std::string& bucket) override;

  std::unique_ptr<ObjectWriter> begin_put(const std::string& bucket,
                                          const std::string& key,
                                          const ObjectHeaders& headers) override;
  std::unique_ptr<ObjectReader> open(const std::string& bucket, const std::string& key) override;
  std::optional<ObjectInfo> find(const std::string& bucket, const std::string& key) override;
  bool remove(const std::string& bucket, const std::string& key) override;
  void remove_all(const std::string& bucket, const std::vector<std::string>& keys) override;
  ListPage list(const std::string& bucket, const ListQuery& query) override;

  UploadInfo create_upload(UploadInfo request) override;
  UploadInfo upload(const std::string& bucket,
                    const std::string& key,
                    const std::string& id) override;
  std::unique_ptr<ObjectWriter> begin_part(const UploadInfo& upload, int number) override;
  std::vector<PartInfo> parts(const UploadInfo& upload, int after, int parts_max) override;
  ObjectInfo complete_upload(const UploadInfo& upload,
                             const std::vector<CompletedPart>& parts,
                             const std::vector<Checksum>& checksums,
                             const WriteConditions& conditions) override;
  void abort_upload(const UploadInfo& upload) override;
  std::vector<UploadInfo> uploads(const std::string& bucket,
                                  const std::string& prefix,
                                  const std::string& key_after,
                                  const std::string& id_after,
                                  int uploads_max) override;

  Usage usage(const std::string& bucket) override;
  void checkpoint(const std::string& directory) override;

 private:
  friend class BlobObjectWriter;
  friend class PutWriter;
  friend class PartWriter;

  struct Bucket {
    explicit Bucket(BucketRecord one) : record(std::move(one)) {}
    const BucketRecord record;
    std::shared_mutex in_use;
    bool is_removed = false;  // in_use guards it
  };
  // A bucket that stays while this lives. The map and the changes in progress own it together: one
  // that is waiting when the bucket is removed must still find the lock.
  struct BucketUse {
    std::shared_ptr<Bucket> bucket;
    std::shared_lock<std::shared_mutex> lock;
    [[nodiscard]] Id id() const { return bucket->record.id; }
  };

  void check_format(const std::string& directory);
  void reach(std::string_view step) const;
  std::shared_ptr<Bucket> bucket_named(const std::string& bucket);
  Id bucket_id(const std::string& bucket);
  BucketUse use(const std::string& bucket);
  std::mutex& key_lock(Id bucket, std::string_view key);

  std::optional<ObjectRecord> find_record(Id bucket, std::string_view key);
  std::vector<PartRecord> manifest(Id data);
  // Throws PreconditionFailed, or NoSuchKey for If-Match on nothing.
  static void check_conditions(const WriteConditions& conditions,
                               const std::optional<ObjectRecord>& current);
  // With the locks of all these keys held.
  void remove_group(Id bucket, const std::vector<std::string_view>& keys);
  // Adds to the batch: the new record, the old one's garbage, the counters. The key is locked.
  void replace(Batch& batch,
               Id bucket,
               std::string_view key,
               const std::optional<ObjectRecord>& before,
               const std::optional<ObjectRecord>& after);
  void commit_put(const std::string& bucket,
                  const std::string& key,
                  BlobWriter& blob,
                  ObjectRecord& record,
                  const WriteConditions& conditions);
  void commit_part(const UploadInfo& upload, BlobWriter& blob, PartRecord& record);
  void discard(BlobWriter& blob) noexcept;

  std::optional<UploadRecord> find_upload(Id bucket, const UploadInfo& upload);
  UploadRecord get_upload(Id bucket, const UploadInfo& upload);
  std::vector<PartRecord> all_parts(Id upload);
  // Adds to the batch the end of an upload and the garbage of the parts that nothing needs.
  // Returns the garbage's data id, 0 when there is none.
  Id end_upload(Batch& batch,
                Id bucket,
                const UploadName& name,
                Id number,
                const std::vector<PartRecord>& parts,
                const std::vector<Blob>& garbage);

  sandbox::Env& env_;
  const StoreOptions options_;
  Rocks rocks_;
  Ids ids_;

  std::mutex buckets_mutex_;
  std::map<std::string, std::shared_ptr<Bucket>> buckets_;

  std::array<std::mutex, 256> key_locks_;

  Sweeper sweeper_;  // last: its thread uses what is above
};

ObjectInfo info_of(const std::string& bucket, std::string key, ObjectRecord record);
PartInfo info_of(const PartRecord& record);

}  // namespace store::engine
