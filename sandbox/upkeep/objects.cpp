#include "sandbox/upkeep/objects.h"

#include <algorithm>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::upkeep {
namespace {

constexpr int page_keys = 1000;
constexpr int page_uploads = 100;

void add(Tally& tally, const store::ObjectInfo& object) {
  ++tally.objects;
  tally.bytes += static_cast<std::int64_t>(object.size);
  tally.newest_ms = std::max(tally.newest_ms, object.modified_ms);
}

// Calls `take` with each page; a bucket that is not there is an empty one.
template <class Function>
void for_each_page(store::ObjectStore& store, const artifacts::Location& place, Function take) {
  if (!store.find_bucket(place.bucket)) return;
  store::ListQuery query;
  query.prefix = place.key + "/";
  query.keys_max = page_keys;
  for (;;) {
    const store::ListPage page = store.list(place.bucket, query);
    if (!take(page) || !page.truncated) return;
    query.after = page.next_after;
  }
}

void abort_uploads(store::ObjectStore& store, const artifacts::Location& place) {
  if (!store.find_bucket(place.bucket)) return;
  std::vector<store::UploadInfo> uploads;
  do {
    uploads = store.uploads(place.bucket, place.key + "/", "", "", page_uploads);
    for (const store::UploadInfo& upload : uploads) store.abort_upload(upload);
  } while (!uploads.empty());
}

}  // namespace

std::optional<artifacts::Location> own_place(const artifacts::Location& destination,
                                             std::string_view artifact_uri,
                                             std::string_view id,
                                             std::string& why_not) {
  artifacts::Location place;
  try {
    place = artifacts::locate(destination, artifact_uri);
  } catch (const Error&) {
    why_not = "its files at " + std::string(artifact_uri) + " are not in this store and stay";
    return std::nullopt;
  }
  const std::vector<std::string> parts = split(place.key, '/');
  if (std::find(parts.begin(), parts.end(), id) == parts.end()) {
    why_not = "its files at " + std::string(artifact_uri) +
              " stay: the path does not name it and may be shared";
    return std::nullopt;
  }
  return place;
}

Tally count_below(store::ObjectStore& store, const artifacts::Location& place) {
  Tally tally;
  for_each_page(store, place, [&](const store::ListPage& page) {
    for (const store::ObjectInfo& object : page.objects) add(tally, object);
    return true;
  });
  return tally;
}

bool has_any(store::ObjectStore& store, const artifacts::Location& place) {
  if (!store.find_bucket(place.bucket)) return false;
  store::ListQuery query;
  query.prefix = place.key + "/";
  query.keys_max = 1;
  return !store.list(place.bucket, query).objects.empty() ||
         (!place.key.empty() && store.find(place.bucket, place.key).has_value());
}

Tally remove_below(store::ObjectStore& store,
                   const artifacts::Location& place,
                   const std::stop_token& stop) {
  Tally tally;
  for_each_page(store, place, [&](const store::ListPage& page) {
    if (stop.stop_requested()) return false;
    std::vector<std::string> keys;
    keys.reserve(page.objects.size());
    for (const store::ObjectInfo& object : page.objects) {
      add(tally, object);
      keys.push_back(object.key);
    }
    store.remove_all(place.bucket, keys);
    return true;
  });
  if (!stop.stop_requested()) abort_uploads(store, place);
  return tally;
}

std::string uri_of(const artifacts::Location& place) {
  return "s3://" + place.bucket + (place.key.empty() ? "" : "/" + place.key);
}

}  // namespace sandbox::upkeep
