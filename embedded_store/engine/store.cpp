#include "embedded_store/engine/store.h"

#include <functional>

#include "embedded_store/engine/names.h"
#include "sandbox/base/text.h"

namespace store::engine {
namespace {

constexpr std::int64_t format_version = 1;

Fault no_such_bucket(const std::string& bucket) {
  Fault fault("NoSuchBucket", "The specified bucket does not exist");
  fault.details.emplace_back("BucketName", bucket);
  return fault;
}

}  // namespace

Store::Store(sandbox::Env& env, const std::string& directory, StoreOptions options)
    : env_(env),
      options_(std::move(options)),
      rocks_(directory),
      ids_((check_format(), rocks_)),
      sweeper_(rocks_, ids_.first(), options_.crash_point) {
  for (Cursor cursor = rocks_.cursor(buckets_prefix); cursor.valid(); cursor.next()) {
    buckets_.emplace(cursor.key().substr(buckets_prefix.size()), decode_bucket(cursor.value()));
  }
}

void Store::check_format() {
  const auto text = rocks_.read(Family::meta, format_key);
  if (!text) {
    Batch batch(rocks_);
    batch.put(Family::meta, format_key, std::to_string(format_version));
    rocks_.commit(batch);
    return;
  }
  const auto version = sandbox::parse_int64(*text);
  if (!version || *version < 1) {
    throw std::runtime_error("The object store's format \"" + *text +
                             "\" cannot be read: the directory is damaged or another program's.");
  }
  if (*version > format_version) {
    throw std::runtime_error(
        "The object store has format " + *text +
        ", which a newer version of this program wrote; this one reads up to " +
        std::to_string(format_version) + ". Use the newer version, or another directory.");
  }
}

void Store::reach(std::string_view step) const {
  if (options_.crash_point) options_.crash_point(step);
}

void Store::create_bucket(const std::string& bucket, const std::string& region) {
  check_bucket_name(bucket);
  const std::unique_lock lock(buckets_mutex_);
  if (buckets_.count(bucket) > 0) {
    Fault fault(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.");
    fault.details.emplace_back("BucketName", bucket);
    throw fault;
  }
  const BucketRecord record{
      .id = ids_.next(), .created_ms = env_.now_ms(), .region = region, .unknown = {}};
  Batch batch(rocks_);
  batch.put(Family::meta, bucket_key(bucket), encode(record));
  rocks_.commit(batch);
  buckets_.emplace(bucket, record);
}

std::optional<BucketInfo> Store::find_bucket(const std::string& bucket) {
  const std::shared_lock lock(buckets_mutex_);
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) return std::nullopt;
  return BucketInfo{
      .name = bucket, .created_ms = found->second.created_ms, .region = found->second.region};
}

std::vector<BucketInfo> Store::buckets() {
  const std::shared_lock lock(buckets_mutex_);
  std::vector<BucketInfo> out;
  out.reserve(buckets_.size());
  for (const auto& [name, record] : buckets_) {
    out.push_back({.name = name, .created_ms = record.created_ms, .region = record.region});
  }
  return out;
}

void Store::delete_bucket(const std::string& bucket) {
  const std::unique_lock lock(buckets_mutex_);
  const Id id = bucket_id_locked(bucket);
  if (rocks_.cursor(objects_prefix(id)).valid()) {
    Fault fault("BucketNotEmpty", "The bucket you tried to delete is not empty");
    fault.details.emplace_back("BucketName", bucket);
    throw fault;
  }
  // Uploads do not keep a bucket alive: they end with it.
  Batch batch(rocks_);
  std::vector<Id> garbage;
  for (Cursor cursor = rocks_.cursor(uploads_prefix(id)); cursor.valid(); cursor.next()) {
    const Id number = decode_upload(cursor.value()).number;
    const auto parts = all_parts(number);
    std::vector<Blob> blobs;
    for (const auto& part : parts) blobs.push_back(part.blob);
    const Id data = end_upload(batch, id, upload_name_of(cursor.key()), number, parts, blobs);
    if (data != 0) garbage.push_back(data);
  }
  batch.erase(Family::meta, bucket_key(bucket));
  batch.erase(Family::meta, counters_key(id));
  rocks_.commit(batch);
  buckets_.erase(bucket);
  for (const Id data : garbage) sweeper_.notify(data);
}

ObjectStore::Usage Store::usage(const std::string& bucket) {
  const Counters counters = rocks_.counters(counters_key(bucket_id(bucket)));
  return {.objects = static_cast<std::uint64_t>(counters.objects),
          .bytes = static_cast<std::uint64_t>(counters.bytes)};
}

Id Store::bucket_id(const std::string& bucket) {
  const std::shared_lock lock(buckets_mutex_);
  return bucket_id_locked(bucket);
}

Id Store::bucket_id_locked(const std::string& bucket) const {
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) throw no_such_bucket(bucket);
  return found->second.id;
}

std::shared_mutex& Store::key_lock(Id bucket, std::string_view key) {
  const std::size_t hash = std::hash<std::string_view>{}(key) ^ (bucket * 0x9E3779B97F4A7C15U);
  return key_locks_[hash % key_locks_.size()];
}

std::mutex& Store::part_lock(Id upload, int number) {
  return part_locks_[(upload * 31 + static_cast<std::size_t>(number)) % part_locks_.size()];
}

}  // namespace store::engine

namespace store {

std::unique_ptr<ObjectStore> open_object_store(sandbox::Env& env, const std::string& directory) {
  return open_object_store(env, directory, {});
}

std::unique_ptr<ObjectStore> open_object_store(sandbox::Env& env,
                                               const std::string& directory,
                                               StoreOptions options) {
  return std::make_unique<engine::Store>(env, directory, std::move(options));
}

}  // namespace store
