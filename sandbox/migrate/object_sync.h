// Makes the objects of one place equal to those of another, in the same store or in a second one.
// What was interrupted goes on where it differs.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "embedded_store/object_store.h"

namespace sandbox::migrate {

// Keys below `from_prefix` get `to_prefix` in its place. Prefixes are "" or end with '/'.
struct ObjectMove {
  std::string from_bucket;
  std::string from_prefix;
  std::string to_bucket;
  std::string to_prefix;
};

struct ObjectCount {
  std::int64_t objects = 0;  // of the source
  std::int64_t bytes = 0;
  std::int64_t copied = 0;
  std::int64_t copied_bytes = 0;
  std::string first_different;  // the key of one that is missing or differs; "" when none does
  std::int64_t different = 0;
};

// Called now and then from several threads, one at a time.
using ObjectsCopied = std::function<void(const ObjectCount&)>;

// Two objects are the same when their sizes and ETags are, or else their sizes and SHA-256 digests:
// an ETag tells of the content only where it was not made of parts. Both stores are listed side by
// side; digests are read once and remembered as long as this lives.
class ObjectSync {
 public:
  // Both must outlive this.
  ObjectSync(store::ObjectStore& source, store::ObjectStore& target)
      : source_(source), target_(target) {}

  // Copies what the target does not have alike, with content type, metadata and tags; several at a
  // time, each in flat memory. What else the target has stays. Throws store::Fault.
  ObjectCount copy(const ObjectMove& move, const ObjectsCopied& copied);
  // Changes nothing; reads both where ETags do not tell.
  ObjectCount compare(const ObjectMove& move);

 private:
  struct Pair;
  ObjectCount each(const ObjectMove& move, bool is_copying, const ObjectsCopied& copied);
  bool is_same(const Pair& pair);
  void copy_one(const Pair& pair);

  store::ObjectStore& source_;
  store::ObjectStore& target_;
  std::mutex mutex_;  // guards same_
  // Of objects whose digests were the same: bucket/key of the source and of the target with their
  // ETags.
  std::set<std::string> same_;
};

}  // namespace sandbox::migrate
