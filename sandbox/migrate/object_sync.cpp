#include "sandbox/migrate/object_sync.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "sandbox/base/hash.h"

namespace sandbox::migrate {
namespace {

constexpr std::size_t copies_at_a_time = 4;
constexpr int keys_a_page = 1'000;

bool is_of_parts(const std::string& etag) {
  return etag.find('-') != std::string::npos;
}

// Empty where there is no such object.
std::vector<std::uint8_t> content_digest(store::ObjectStore& store,
                                         const std::string& bucket,
                                         const std::string& key) {
  const auto reader = store.open(bucket, key);
  if (!reader) return {};
  Digest digest(DigestKind::sha256);
  reader->read(0, reader->info().size, [&](std::string_view piece) { digest.update(piece); });
  return digest.finish();
}

// Runs `work` for each of so many numbers, several at a time. The first failure ends it.
void each_at_once(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;  // guards failure
  std::exception_ptr failure;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(count, copies_at_a_time); ++i) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < count; at = next++) {
          try {
            work(at);
          } catch (...) {
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
            next = count;
          }
        }
      });
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

ObjectCount ObjectSync::copy(const ObjectMove& move, const ObjectsCopied& copied) {
  return each(move, true, copied);
}

ObjectCount ObjectSync::compare(const ObjectMove& move) {
  return each(move, false, {});
}

ObjectCount ObjectSync::each(const ObjectMove& move, bool is_copying, const ObjectsCopied& copied) {
  ObjectCount count;
  std::mutex mutex;  // guards count
  store::ListQuery query;
  query.prefix = move.from_prefix;
  query.keys_max = keys_a_page;
  for (bool has_more = true; has_more;) {
    const store::ListPage page = source_.list(move.from_bucket, query);
    each_at_once(page.objects.size(), [&](std::size_t at) {
      const store::ObjectInfo& object = page.objects[at];
      const std::string key = move.to_prefix + object.key.substr(move.from_prefix.size());
      const bool was_same = is_same(object, move.to_bucket, key);
      if (!was_same && is_copying) copy_one(object, move.to_bucket, key);
      const std::lock_guard lock(mutex);
      ++count.objects;
      count.bytes += static_cast<std::int64_t>(object.size);
      if (was_same) return;
      if (!is_copying) {
        ++count.different;
        if (count.first_different.empty()) count.first_different = object.key;
        return;
      }
      ++count.copied;
      count.copied_bytes += static_cast<std::int64_t>(object.size);
      if (copied) copied(count);
    });
    has_more = page.truncated;
    query.after = page.next_after;
  }
  return count;
}

bool ObjectSync::is_same(const store::ObjectInfo& object,
                         const std::string& bucket,
                         const std::string& key) {
  const auto there = target_.find(bucket, key);
  if (!there || there->size != object.size) return false;
  if (there->etag == object.etag) return true;
  if (!is_of_parts(there->etag) && !is_of_parts(object.etag)) return false;
  const auto digest = content_digest(source_, object.bucket, object.key);
  return !digest.empty() && digest == content_digest(target_, bucket, key);
}

void ObjectSync::copy_one(const store::ObjectInfo& object,
                          const std::string& bucket,
                          const std::string& key) {
  const auto reader = source_.open(object.bucket, object.key);
  if (!reader) return;  // deleted since it was listed
  const store::ObjectInfo& info = reader->info();
  const auto writer = target_.begin_put(bucket, key, info.headers);
  reader->read(0, info.size, [&](std::string_view piece) { writer->write(piece); });
  // Checksums that a client sent are not handed on: they may be of parts, which differ there.
  writer->commit(info.headers);
}

}  // namespace sandbox::migrate
