#include "sandbox/migrate/object_sync.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "embedded_store/object_digest.h"
#include "sandbox/base/at_once.h"

namespace sandbox::migrate {
namespace {

constexpr std::size_t copies_at_a_time = 4;
constexpr int keys_a_page = 1'000;

// The objects below a prefix in the order of their keys, page by page.
class Listing {
 public:
  Listing(store::ObjectStore& store, std::string bucket, const std::string& prefix)
      : store_(store), bucket_(std::move(bucket)) {
    query_.prefix = prefix;
    query_.keys_max = keys_a_page;
  }
  // The next page; empty at the end.
  std::vector<store::ObjectInfo> page() {
    while (has_more_) {
      store::ListPage page = store_.list(bucket_, query_);
      has_more_ = page.truncated;
      query_.after = page.next_after;
      if (!page.objects.empty()) return std::move(page.objects);
    }
    return {};
  }
  // The object of that key. Keys must be asked for in their order.
  std::optional<store::ObjectInfo> find(const std::string& key) {
    while (true) {
      while (at_ < objects_.size() && objects_[at_].key < key) ++at_;
      if (at_ < objects_.size()) break;
      objects_ = page();
      at_ = 0;
      if (objects_.empty()) return std::nullopt;
    }
    if (objects_[at_].key != key) return std::nullopt;
    return objects_[at_];
  }

 private:
  store::ObjectStore& store_;
  std::string bucket_;
  store::ListQuery query_;
  bool has_more_ = true;
  std::vector<store::ObjectInfo> objects_;
  std::size_t at_ = 0;
};

}  // namespace

// An object of the source, and what the target has in its place.
struct ObjectSync::Pair {
  store::ObjectInfo object;
  std::string bucket;
  std::string key;
  std::optional<store::ObjectInfo> there;
};

ObjectCount ObjectSync::copy(const ObjectMove& move, const ObjectsCopied& copied) {
  return each(move, true, copied);
}

ObjectCount ObjectSync::compare(const ObjectMove& move) {
  return each(move, false, {});
}

ObjectCount ObjectSync::each(const ObjectMove& move, bool is_copying, const ObjectsCopied& copied) {
  ObjectCount count;
  std::mutex mutex;  // guards count
  Listing source(source_, move.from_bucket, move.from_prefix);
  Listing target(target_, move.to_bucket, move.to_prefix);
  for (auto objects = source.page(); !objects.empty(); objects = source.page()) {
    std::vector<Pair> pairs;
    pairs.reserve(objects.size());
    for (store::ObjectInfo& object : objects) {
      std::string key = move.to_prefix + object.key.substr(move.from_prefix.size());
      auto there = target.find(key);
      // A store that does not list in the order of bytes has it all the same.
      if (!there && !is_copying) there = target_.find(move.to_bucket, key);
      pairs.push_back({std::move(object), move.to_bucket, std::move(key), std::move(there)});
    }
    each_at_once(pairs.size(), copies_at_a_time, [&](std::size_t at) {
      const Pair& pair = pairs[at];
      const bool was_same = is_same(pair);
      if (!was_same && is_copying) copy_one(pair);
      const std::lock_guard lock(mutex);
      ++count.objects;
      count.bytes += static_cast<std::int64_t>(pair.object.size);
      if (was_same) return;
      if (!is_copying) {
        ++count.different;
        if (count.first_different.empty()) count.first_different = pair.object.key;
        return;
      }
      ++count.copied;
      count.copied_bytes += static_cast<std::int64_t>(pair.object.size);
      if (copied) copied(count);
    });
  }
  return count;
}

bool ObjectSync::is_same(const Pair& pair) {
  const store::ObjectInfo& object = pair.object;
  if (!pair.there || pair.there->size != object.size) return false;
  if (pair.there->etag == object.etag) return true;
  if (!store::is_etag_of_parts(pair.there->etag) && !store::is_etag_of_parts(object.etag))
    return false;
  const std::string mark = object.bucket + "/" + object.key + "\n" + object.etag + "\n" +
                           pair.bucket + "/" + pair.key + "\n" + pair.there->etag;
  {
    const std::lock_guard lock(mutex_);
    if (same_.contains(mark)) return true;
  }
  const auto digest = store::content_digest(source_, object.bucket, object.key);
  if (digest.empty() || digest != store::content_digest(target_, pair.bucket, pair.key))
    return false;
  const std::lock_guard lock(mutex_);
  same_.insert(mark);
  return true;
}

void ObjectSync::copy_one(const Pair& pair) {
  const auto reader = source_.open(pair.object.bucket, pair.object.key);
  if (!reader) return;  // deleted since it was listed
  const store::ObjectInfo& info = reader->info();
  store::ObjectHeaders headers = info.headers;
  headers.tags = source_.tags(pair.object.bucket, pair.object.key);
  const auto writer = target_.begin_put(pair.bucket, pair.key, headers);
  reader->read(0, info.size, [&](std::string_view piece) { writer->write(piece); });
  // Checksums that a client sent are not handed on: they may be of parts, which differ there.
  writer->commit(headers);
}

}  // namespace sandbox::migrate
