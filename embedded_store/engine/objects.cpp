// Writing, reading and removing whole objects.
#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "embedded_store/engine/names.h"
#include "embedded_store/engine/store.h"
#include "sandbox/base/text.h"

namespace store::engine {
namespace {

// How many locks of keys one commit of remove_all holds: writers of other keys meet them too.
constexpr std::size_t key_locks_held_max = 32;

}  // namespace

ObjectInfo info_of(const std::string& bucket, std::string key, ObjectRecord record) {
  ObjectInfo info;
  info.bucket = bucket;
  info.key = std::move(key);
  info.size = record.size;
  info.etag = std::move(record.etag);
  info.modified_ms = record.modified_ms;
  info.parts = record.parts;
  info.checksums = std::move(record.checksums);
  info.headers = std::move(record.headers);
  return info;
}

PartInfo info_of(const PartRecord& record) {
  return {.number = record.number,
          .size = record.blob.size,
          .etag = record.etag,
          .modified_ms = record.modified_ms,
          .checksums = record.checksums};
}

// What the writers of objects and of parts have in common. The store outlives its writers.
class BlobObjectWriter : public ObjectWriter {
 public:
  explicit BlobObjectWriter(Store& store)
      : store_(store), blob_(store.rocks_, store.ids_, store.options_) {}

  void write(std::string_view piece) override {
    md5_digest_.update(piece);
    blob_.write(piece);
  }
  [[nodiscard]] std::uint64_t size() const override { return blob_.size(); }
  std::string md5() override {
    if (md5_.empty()) md5_ = sandbox::hex(md5_digest_.finish());
    return md5_;
  }

 protected:
  Store& store_;
  BlobWriter blob_;

 private:
  sandbox::Digest md5_digest_{sandbox::DigestKind::md5};
  std::string md5_;
};

class PutWriter final : public BlobObjectWriter {
 public:
  PutWriter(Store& store, std::string bucket, std::string key)
      : BlobObjectWriter(store), bucket_(std::move(bucket)), key_(std::move(key)) {}

  ObjectInfo commit(const ObjectHeaders& headers,
                    const std::vector<Checksum>& checksums,
                    const WriteConditions& conditions) override {
    ObjectRecord record;
    record.etag = md5();
    record.checksums = checksums;
    record.headers = headers;
    store_.commit_put(bucket_, key_, blob_, record, conditions);
    return info_of(bucket_, key_, std::move(record));
  }

 private:
  std::string bucket_;
  std::string key_;
};

class PartWriter final : public BlobObjectWriter {
 public:
  PartWriter(Store& store, UploadInfo upload, int number)
      : BlobObjectWriter(store), upload_(std::move(upload)), number_(number) {}

  ObjectInfo commit(const ObjectHeaders& /*headers*/,
                    const std::vector<Checksum>& checksums,
                    const WriteConditions& /*conditions*/) override {
    PartRecord record;
    record.number = number_;
    record.etag = md5();
    record.checksums = checksums;
    store_.commit_part(upload_, blob_, record);
    ObjectInfo info;
    info.bucket = upload_.bucket;
    info.key = upload_.key;
    info.size = record.blob.size;
    info.etag = record.etag;
    info.modified_ms = record.modified_ms;
    info.checksums = checksums;
    return info;
  }

 private:
  UploadInfo upload_;
  int number_;
};

std::unique_ptr<ObjectWriter> Store::begin_put(const std::string& bucket,
                                               const std::string& key,
                                               const ObjectHeaders& /*headers*/) {
  check_key(key);
  bucket_id(bucket);
  return std::make_unique<PutWriter>(*this, bucket, key);
}

std::unique_ptr<ObjectWriter> Store::begin_part(const UploadInfo& upload, int number) {
  if (number < 1 || number > 10'000) {
    throw Fault("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
  }
  get_upload(bucket_id(upload.bucket), upload);
  return std::make_unique<PartWriter>(*this, upload, number);
}

void Store::check_conditions(const WriteConditions& conditions,
                             const std::optional<ObjectRecord>& current) {
  auto refuse = [](const char* condition) {
    Fault fault("PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold");
    fault.details.emplace_back("Condition", condition);
    throw fault;
  };
  if (conditions.if_none_match && current) refuse("If-None-Match");
  if (!conditions.if_match) return;
  if (!current) throw Fault("NoSuchKey", "The specified key does not exist.");
  if (*conditions.if_match != "*" && *conditions.if_match != current->etag) refuse("If-Match");
}

void Store::replace(Batch& batch,
                    Id bucket,
                    std::string_view key,
                    const std::optional<ObjectRecord>& before,
                    const std::optional<ObjectRecord>& after) {
  Counters change;
  if (before) {
    change.objects -= 1;
    change.bytes -= static_cast<std::int64_t>(before->size);
    if (before->data != 0) {
      std::vector<Blob> blobs;
      if (before->parts == 0) blobs.push_back(before->blob);
      batch.put(Family::meta, garbage_key(before->data), encode(blobs));
    }
  }
  if (after) {
    change.objects += 1;
    change.bytes += static_cast<std::int64_t>(after->size);
    batch.put(Family::meta, object_key(bucket, key), encode(*after));
  } else {
    batch.erase(Family::meta, object_key(bucket, key));
  }
  batch.add(counters_key(bucket), change);
}

void Store::discard(BlobWriter& blob) noexcept {
  try {
    blob.discard();
  } catch (const Fault&) {
    // The file stays until the sweeper of the next start finds that no record names it.
  }
}

void Store::commit_put(const std::string& bucket,
                       const std::string& key,
                       BlobWriter& blob,
                       ObjectRecord& record,
                       const WriteConditions& conditions) {
  // A refusal that can be foreseen saves writing the bytes; the check that counts is the one below.
  if (conditions.if_match || conditions.if_none_match) {
    check_conditions(conditions, find_record(bucket_id(bucket), key));
  }
  record.blob = blob.seal();
  record.data = record.blob.id;
  record.size = record.blob.size;

  std::optional<ObjectRecord> before;
  Batch batch(rocks_);
  BucketUse in_use;
  std::unique_lock<std::mutex> lock;
  try {
    in_use = use(bucket);
    const Id id = in_use.id();
    lock = std::unique_lock(key_lock(id, key));
    before = find_record(id, key);
    check_conditions(conditions, before);
    record.version = ids_.next();
    record.modified_ms = env_.now_ms();
    blob.add_to(batch);
    replace(batch, id, key, before, record);
  } catch (const Fault&) {
    discard(blob);
    throw;
  }
  reach("before commit");
  // Should this fail, the batch may still be found in the log at the next start: the bytes stay.
  rocks_.commit(batch);
  reach("committed");
  if (before && before->data != 0) sweeper_.notify(before->data);
}

std::optional<ObjectRecord> Store::find_record(Id bucket, std::string_view key) {
  std::optional<ObjectRecord> record;
  rocks_.read(Family::meta, object_key(bucket, key),
              [&](std::string_view bytes) { record = decode_object(bytes); });
  return record;
}

std::optional<ObjectInfo> Store::find(const std::string& bucket, const std::string& key) {
  auto record = find_record(bucket_id(bucket), key);
  if (!record) return std::nullopt;
  return info_of(bucket, key, *std::move(record));
}

bool Store::remove(const std::string& bucket, const std::string& key) {
  const BucketUse in_use = use(bucket);
  const Id id = in_use.id();
  const std::unique_lock lock(key_lock(id, key));
  const auto before = find_record(id, key);
  if (!before) return false;
  Batch batch(rocks_);
  replace(batch, id, key, before, std::nullopt);
  reach("before commit");
  rocks_.commit(batch);
  reach("committed");
  if (before->data != 0) sweeper_.notify(before->data);
  return true;
}

void Store::remove_all(const std::string& bucket, const std::vector<std::string>& keys) {
  const BucketUse in_use = use(bucket);
  // Ordered by address, so that two calls never wait for each other.
  std::map<std::mutex*, std::set<std::string_view>> by_lock;
  for (const std::string& key : keys) by_lock[&key_lock(in_use.id(), key)].insert(key);
  for (auto first = by_lock.begin(); first != by_lock.end();) {
    std::vector<std::unique_lock<std::mutex>> locks;
    std::vector<std::string_view> group;
    for (; first != by_lock.end() && locks.size() < key_locks_held_max; ++first) {
      locks.emplace_back(*first->first);
      group.insert(group.end(), first->second.begin(), first->second.end());
    }
    remove_group(in_use.id(), group);
  }
}

void Store::remove_group(Id bucket, const std::vector<std::string_view>& keys) {
  Batch batch(rocks_);
  std::vector<Id> freed;
  bool is_empty = true;
  for (const std::string_view key : keys) {
    const auto before = find_record(bucket, key);
    if (!before) continue;
    replace(batch, bucket, key, before, std::nullopt);
    if (before->data != 0) freed.push_back(before->data);
    is_empty = false;
  }
  if (is_empty) return;
  reach("before commit");
  rocks_.commit(batch);
  reach("committed");
  for (const Id data : freed) sweeper_.notify(data);
}

namespace {

class Reader final : public ObjectReader {
 public:
  Reader(Rocks& rocks,
         std::optional<Sweeper::Pin> pin,
         ObjectInfo info,
         Blob blob,
         std::vector<PartRecord> parts)
      : rocks_(rocks), pin_(std::move(pin)), info_(std::move(info)), parts_(std::move(parts)) {
    std::uint64_t end = 0;
    if (parts_.empty()) {
      const std::uint64_t size = blob.size;
      if (size > 0) blobs_.push_back({.end = size, .blob = std::move(blob)});
    }
    for (const auto& part : parts_) {
      end += part.blob.size;
      if (part.blob.size > 0) blobs_.push_back({.end = end, .blob = part.blob});
    }
  }

  [[nodiscard]] const ObjectInfo& info() const override { return info_; }

  void read(std::uint64_t offset,
            std::uint64_t length,
            const std::function<void(std::string_view)>& sink) override {
    if (offset > info_.size || length > info_.size - offset) {
      throw Fault("InvalidRange", "The requested range is not satisfiable");
    }
    auto place =
        std::upper_bound(blobs_.begin(), blobs_.end(), offset,
                         [](std::uint64_t at, const Stretch& one) { return at < one.end; });
    while (length > 0) {
      const std::uint64_t inside = offset - (place->end - place->blob.size);
      const std::uint64_t taken = std::min(length, place->end - offset);
      read_blob(rocks_, place->blob, inside, taken, sink);
      offset += taken;
      length -= taken;
      ++place;
    }
  }

  [[nodiscard]] std::vector<PartInfo> parts() const override {
    std::vector<PartInfo> out;
    out.reserve(parts_.size());
    for (const auto& part : parts_) out.push_back(info_of(part));
    return out;
  }

 private:
  // A blob and where it ends in the object.
  struct Stretch {
    std::uint64_t end = 0;
    Blob blob;
  };

  Rocks& rocks_;
  std::optional<Sweeper::Pin> pin_;
  ObjectInfo info_;
  std::vector<PartRecord> parts_;
  std::vector<Stretch> blobs_;
};

}  // namespace

std::unique_ptr<ObjectReader> Store::open(const std::string& bucket, const std::string& key) {
  const Id id = bucket_id(bucket);
  auto record = find_record(id, key);
  while (record) {
    std::optional<Sweeper::Pin> pin;
    if (record->data != 0) {
      pin.emplace(sweeper_.pin(record->data));
      // Bytes that became garbage before the pin was seen may be gone: look again.
      auto again = find_record(id, key);
      if (!again || again->data != record->data) {
        record = std::move(again);
        continue;
      }
      record = std::move(again);
    }
    std::vector<PartRecord> parts;
    if (record->parts > 0) parts = manifest(record->data);
    Blob blob = std::move(record->blob);
    return std::make_unique<Reader>(rocks_, std::move(pin),
                                    info_of(bucket, key, *std::move(record)), std::move(blob),
                                    std::move(parts));
  }
  return nullptr;
}

}  // namespace store::engine
