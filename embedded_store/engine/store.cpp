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
      ids_((check_format(directory), rocks_)),
      sweeper_(rocks_, ids_.first(), options_.crash_point) {
  for (Cursor cursor = rocks_.cursor(buckets_prefix); cursor.valid(); cursor.next()) {
    buckets_.emplace(cursor.key().substr(buckets_prefix.size()),
                     std::make_shared<Bucket>(decode_bucket(cursor.value())));
  }
}

void Store::check_format(const std::string& directory) {
  const auto text = rocks_.read(Family::meta, format_key);
  if (!text) {
    Batch batch(rocks_);
    batch.put(Family::meta, format_key, std::to_string(format_version));
    rocks_.commit(batch);
    return;
  }
  const auto version = sandbox::parse_int64(*text);
  if (!version || *version < 1) {
    throw std::runtime_error("The object store in " + directory + " has the unknown format \"" +
                             *text + "\": the directory is damaged or another program's.");
  }
  if (*version > format_version) {
    throw std::runtime_error(
        "The object store in " + directory + " has format " + *text +
        ", which a newer version of this program wrote; this one reads up to " +
        std::to_string(format_version) + ". Use the newer version, or another directory.");
  }
}

void Store::reach(std::string_view step) const {
  if (options_.crash_point) options_.crash_point(step);
}

void Store::create_bucket(const std::string& bucket, const std::string& region) {
  check_bucket_name(bucket);
  const std::lock_guard lock(buckets_mutex_);
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
  buckets_.emplace(bucket, std::make_shared<Bucket>(record));
}

std::optional<BucketInfo> Store::find_bucket(const std::string& bucket) {
  const std::lock_guard lock(buckets_mutex_);
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) return std::nullopt;
  return BucketInfo{.name = bucket,
                    .created_ms = found->second->record.created_ms,
                    .region = found->second->record.region};
}

std::vector<BucketInfo> Store::buckets() {
  const std::lock_guard lock(buckets_mutex_);
  std::vector<BucketInfo> out;
  out.reserve(buckets_.size());
  for (const auto& [name, one] : buckets_) {
    out.push_back(
        {.name = name, .created_ms = one->record.created_ms, .region = one->record.region});
  }
  return out;
}

void Store::delete_bucket(const std::string& bucket) {
  const auto found = bucket_named(bucket);
  const Id id = found->record.id;
  auto check_empty = [&] {
    if (!rocks_.cursor(objects_prefix(id)).valid()) return;
    Fault fault("BucketNotEmpty", "The bucket you tried to delete is not empty");
    fault.details.emplace_back("BucketName", bucket);
    throw fault;
  };
  // Asked before waiting as well: a bucket in steady use would let nobody have it alone.
  check_empty();
  const std::unique_lock lock(found->in_use);
  if (found->is_removed) throw no_such_bucket(bucket);
  check_empty();
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
  found->is_removed = true;
  {
    const std::lock_guard map_lock(buckets_mutex_);
    buckets_.erase(bucket);
  }
  for (const Id data : garbage) sweeper_.notify(data);
}

ObjectStore::Usage Store::usage(const std::string& bucket) {
  const Counters counters = rocks_.counters(counters_key(bucket_id(bucket)));
  return {.objects = static_cast<std::uint64_t>(counters.objects),
          .bytes = static_cast<std::uint64_t>(counters.bytes)};
}

std::shared_ptr<Store::Bucket> Store::bucket_named(const std::string& bucket) {
  const std::lock_guard lock(buckets_mutex_);
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) throw no_such_bucket(bucket);
  return found->second;
}

Id Store::bucket_id(const std::string& bucket) {
  return bucket_named(bucket)->record.id;
}

Store::BucketUse Store::use(const std::string& bucket) {
  BucketUse use;
  use.bucket = bucket_named(bucket);
  use.lock = std::shared_lock(use.bucket->in_use);
  if (use.bucket->is_removed) throw no_such_bucket(bucket);
  return use;
}

std::mutex& Store::key_lock(Id bucket, std::string_view key) {
  const std::size_t hash = std::hash<std::string_view>{}(key) ^ (bucket * 0x9E3779B97F4A7C15U);
  return key_locks_[hash % key_locks_.size()];
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
