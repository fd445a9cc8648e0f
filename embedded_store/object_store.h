// An object store anyone could embed: buckets, objects, multipart uploads, listing. Built on
// RocksDB (engine/), or on another S3 server (remote/); the S3 protocol (s3/) and the tracking
// server's artifact proxy are its users.
//
// Thread safety: every ObjectStore method may be called from every thread. Readers, writers and
// uploads belong to one thread at a time.
// Durability: commit(), complete_upload() and every other change return after the change is on
// disk; what was returned survives kill -9 and power loss. Before that nothing of it is visible.
// Failures are thrown as store::Fault; the names are S3's error codes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/base/env.h"

namespace store {

// A refusal in S3's words: code is e.g. "NoSuchKey"; s3/errors.cpp has the table code -> status.
class Fault : public std::runtime_error {
 public:
  Fault(std::string code, const std::string& message)
      : std::runtime_error(message), code_(std::move(code)) {}
  [[nodiscard]] const std::string& code() const { return code_; }
  // Further XML elements of the answer, e.g. {"BucketName", "mlflow"}.
  std::vector<std::pair<std::string, std::string>> details;

 private:
  std::string code_;
};

struct BucketInfo {
  std::string name;
  std::int64_t created_ms = 0;
  std::string region;
};

// A checksum of the S3 x-amz-checksum-* family.
struct Checksum {
  std::string algorithm;  // "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"
  std::string value;      // base64, "-N" appended for COMPOSITE ones of multipart objects
  std::string type;       // "FULL_OBJECT" or "COMPOSITE"
};

// What the client says about an object and gets back unchanged.
struct ObjectHeaders {
  std::string content_type = "binary/octet-stream";
  // cache-control, content-disposition, content-encoding, content-language, expires,
  // x-amz-storage-class, … in lower case; only those that were given.
  std::map<std::string, std::string> standard;
  std::map<std::string, std::string> user;  // x-amz-meta-*, names without the prefix, lower case
  std::map<std::string, std::string> tags;
};

struct ObjectInfo {
  std::string bucket;
  std::string key;
  std::string version_id = "null";
  std::uint64_t size = 0;
  std::string etag;  // without quotes: MD5 hex, or MD5-of-MD5s + "-N"
  std::int64_t modified_ms = 0;
  int parts = 0;  // 0 unless made by a multipart upload
  std::vector<Checksum> checksums;
  ObjectHeaders headers;
};

// Conditions of a write, checked atomically with the commit (If-Match, If-None-Match: *).
struct WriteConditions {
  std::optional<std::string> if_match;  // an etag without quotes, or "*"
  bool if_none_match = false;           // the key must not exist
};

// An object (or part) being written. Memory stays flat whatever the size. Destroying it without
// commit() discards what was written.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual void write(std::string_view piece) = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // The MD5 of all that was written, hex; ends the writing.
  virtual std::string md5() = 0;
  // Makes the object visible, durably. Checksums are stored as given (the caller verified them).
  virtual ObjectInfo commit(const ObjectHeaders& headers,
                            const std::vector<Checksum>& checksums = {},
                            const WriteConditions& conditions = {}) = 0;
};

struct PartInfo {
  int number = 0;  // 1..10000
  std::uint64_t size = 0;
  std::string etag;
  std::int64_t modified_ms = 0;
  std::vector<Checksum> checksums;
};

// An open object; keeps reading the same bytes when the key is overwritten or deleted meanwhile.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  [[nodiscard]] virtual const ObjectInfo& info() const = 0;
  // Calls `sink` with consecutive pieces (at most 1 MiB each) of [offset, offset + length).
  virtual void read(std::uint64_t offset,
                    std::uint64_t length,
                    const std::function<void(std::string_view)>& sink) = 0;
  // The parts of an object made by a multipart upload, numbered as they were sent; else empty.
  [[nodiscard]] virtual std::vector<PartInfo> parts() const { return {}; }
};

struct ListQuery {
  std::string prefix;
  std::string delimiter;
  std::string after;  // keys (or common prefixes) greater than this; "" from the start
  int keys_max = 1000;
};

struct ListPage {
  std::vector<ObjectInfo> objects;           // in order of their UTF-8 bytes
  std::vector<std::string> common_prefixes;  // in order; counted in keys_max
  bool truncated = false;
  std::string next_after;  // ListQuery::after of the next page
};

struct UploadInfo {
  std::string id;
  std::string bucket;
  std::string key;
  std::int64_t started_ms = 0;
  ObjectHeaders headers;
  std::string checksum_algorithm;  // "" when the client named none
  std::string checksum_type;       // "", "FULL_OBJECT", "COMPOSITE"
};

struct CompletedPart {
  int number = 0;
  std::string etag;  // without quotes
  std::vector<Checksum> checksums;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Buckets. Names follow S3's rules (InvalidBucketName).
  virtual void create_bucket(const std::string& bucket,
                             const std::string& region) = 0;  // BucketAlreadyOwnedByYou
  virtual std::optional<BucketInfo> find_bucket(const std::string& bucket) = 0;
  virtual std::vector<BucketInfo> buckets() = 0;
  virtual void delete_bucket(const std::string& bucket) = 0;  // NoSuchBucket, BucketNotEmpty

  // Objects. NoSuchBucket where the bucket is missing.
  // `headers` are those that commit() will be given, as far as they are known: a store that lies
  // elsewhere may have to tell them first.
  virtual std::unique_ptr<ObjectWriter> begin_put(const std::string& bucket,
                                                  const std::string& key,
                                                  const ObjectHeaders& headers = {}) = 0;
  // nullptr / nullopt when there is no such object.
  virtual std::unique_ptr<ObjectReader> open(const std::string& bucket, const std::string& key) = 0;
  virtual std::optional<ObjectInfo> find(const std::string& bucket, const std::string& key) = 0;
  // The tags of an object; none where there is no such object, or the store keeps no tags. A store
  // that lies elsewhere is asked for them here only: open() and find() leave them out there.
  virtual std::map<std::string, std::string> tags(const std::string& bucket,
                                                  const std::string& key) {
    const auto info = find(bucket, key);
    return info ? info->headers.tags : std::map<std::string, std::string>{};
  }
  // True when there was one. Deleting nothing is no error in S3.
  virtual bool remove(const std::string& bucket, const std::string& key) = 0;
  // Removes those of the keys that are there, with few commits. Returns when all are gone.
  virtual void remove_all(const std::string& bucket, const std::vector<std::string>& keys) = 0;
  virtual ListPage list(const std::string& bucket, const ListQuery& query) = 0;

  // Multipart uploads. NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall as S3.
  virtual UploadInfo create_upload(UploadInfo request) = 0;  // fills id and started_ms
  virtual UploadInfo upload(const std::string& bucket,
                            const std::string& key,
                            const std::string& id) = 0;
  // commit() of this writer stores the part; its headers and conditions are ignored.
  virtual std::unique_ptr<ObjectWriter> begin_part(const UploadInfo& upload, int number) = 0;
  // In order of numbers, those greater than `after`.
  virtual std::vector<PartInfo> parts(const UploadInfo& upload, int after, int parts_max) = 0;
  // Metadata only: no byte is copied. The caller gives the object's checksums.
  virtual ObjectInfo complete_upload(const UploadInfo& upload,
                                     const std::vector<CompletedPart>& parts,
                                     const std::vector<Checksum>& checksums,
                                     const WriteConditions& conditions) = 0;
  virtual void abort_upload(const UploadInfo& upload) = 0;
  // Uploads of a bucket in order of (key, id), after (key_after, id_after).
  virtual std::vector<UploadInfo> uploads(const std::string& bucket,
                                          const std::string& prefix,
                                          const std::string& key_after,
                                          const std::string& id_after,
                                          int uploads_max) = 0;

  // Objects and bytes of a bucket as of now.
  struct Usage {
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
  };
  virtual Usage usage(const std::string& bucket) = 0;

  // Copies the whole store, as it is at one moment inside this call, into a directory that does not
  // exist yet and that open_object_store() opens. In one file system the two share the bytes of
  // large objects. Changes wait for a moment. Fault NotImplemented from a store that has no
  // directory of its own.
  virtual void checkpoint(const std::string& /*directory*/) {
    throw Fault("NotImplemented",
                "Only the built-in object store can be copied at one moment; this one cannot.");
  }
};

// What a store may be told when it is opened; none of it is kept on disk.
struct StoreOptions {
  // Larger objects and parts get a file of their own; smaller ones wait in memory for their commit.
  std::size_t small_bytes_max = 512 << 10;
  // The least size of all parts but the last.
  std::uint64_t part_bytes_min = 5 << 20;
  // Tests end the process here. Called with the name of each step between two changes on disk, from
  // the thread that takes it.
  std::function<void(std::string_view step)> crash_point;
};

// Opens (creating when absent) the store in a directory. Throws std::runtime_error naming the
// cause: locked by another process, written by a newer version, not a store, no permission.
std::unique_ptr<ObjectStore> open_object_store(sandbox::Env& env, const std::string& directory);
std::unique_ptr<ObjectStore> open_object_store(sandbox::Env& env,
                                               const std::string& directory,
                                               StoreOptions options);

struct StoreContents {
  std::int64_t objects = 0;
  std::int64_t bytes = 0;
};
// Counts what lies in a checkpoint, without changing anything in its directory, and makes sure that
// the bytes of every object are there; `every_byte` reads and checks them too. Throws Fault naming
// the object, or std::runtime_error as open_object_store does.
StoreContents examine_checkpoint(const std::string& directory, bool every_byte);

}  // namespace store
