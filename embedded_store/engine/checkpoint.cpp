// A copy of the whole store at one moment, and the look into one.
#include <algorithm>
#include <filesystem>

#include "embedded_store/engine/chunks.h"
#include "embedded_store/engine/store.h"

namespace store::engine {
namespace {

[[noreturn]] void missing(const std::string& bucket, std::string_view key) {
  throw Fault("InternalError",
              "The bytes of " + bucket + "/" + std::string(key) + " are missing in this copy.");
}

class Examination {
 public:
  Examination(const std::string& directory, bool every_byte)
      : rocks_(directory, Rocks::Use::read_only),
        files_(rocks_.blobs_with_files()),
        every_byte_(every_byte) {}

  StoreContents contents() {
    StoreContents contents;
    if (every_byte_) rocks_.verify();
    for (Cursor buckets = rocks_.cursor(buckets_prefix); buckets.valid(); buckets.next()) {
      const std::string bucket(buckets.key().substr(buckets_prefix.size()));
      const std::string prefix = objects_prefix(decode_bucket(buckets.value()).id);
      for (Cursor cursor = rocks_.cursor(prefix); cursor.valid(); cursor.next()) {
        const ObjectRecord record = decode_object(cursor.value());
        if (!has_bytes(record)) missing(bucket, cursor.key().substr(prefix.size()));
        ++contents.objects;
        contents.bytes += static_cast<std::int64_t>(record.size);
      }
    }
    return contents;
  }

 private:
  bool has_bytes(const ObjectRecord& record) {
    if (record.parts == 0) return has_bytes(record.blob);
    const auto manifest = rocks_.read(Family::meta, manifest_key(record.data));
    if (!manifest) return false;
    const std::vector<PartRecord> parts = decode_manifest(*manifest);
    return std::all_of(parts.begin(), parts.end(),
                       [&](const PartRecord& part) { return has_bytes(part.blob); });
  }

  bool has_bytes(const Blob& blob) {
    switch (blob.place) {
      case Place::nowhere: return true;
      case Place::large: return std::binary_search(files_.begin(), files_.end(), blob.id);
      case Place::small:
        // They are written in one batch with the record.
        return !every_byte_ ||
               rocks_.read(Family::small, chunk_key(blob.id, 0), [](std::string_view) {});
    }
    return false;
  }

  Rocks rocks_;
  const std::vector<Id> files_;  // ascending
  const bool every_byte_;
};

}  // namespace

void Store::checkpoint(const std::string& directory) {
  std::error_code failure;
  if (!std::filesystem::create_directory(directory, failure)) {
    throw Fault("InternalError", "The directory " + directory + " cannot be made: " +
                                     (failure ? failure.message() : "it exists already"));
  }
  rocks_.checkpoint(directory);
}

}  // namespace store::engine

namespace store {

StoreContents examine_checkpoint(const std::string& directory, bool every_byte) {
  return engine::Examination(directory, every_byte).contents();
}

}  // namespace store
