// The buckets and objects of another S3 server (MinIO, AWS, …), copied into the lab's store.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "embedded_store/object_store.h"
#include "sandbox/import/ledger.h"

namespace sandbox::import {

// Which objects, and where they go: keys below `from_prefix` get `to_prefix` in its place. Prefixes
// are "" or end with '/'.
struct ObjectMove {
  std::string from_bucket;
  std::string from_prefix;
  std::string to_bucket;
  std::string to_prefix;
};

// "s3://bucket/a/b" is what lies below "a/b/". `to` is such a place as well, or "" for the same
// one. `from` may name no bucket ("s3://"): all that `source` has, which `to` cannot be given for.
// Throws Error(invalid_parameter_value) for another form and for a bucket that is not there,
// store::Fault for what the source refuses.
std::vector<ObjectMove> object_moves(store::ObjectStore& source,
                                     const std::string& from,
                                     const std::string& to);

struct ObjectOptions {
  bool dry_run = false;     // change nothing; count
  bool overwrites = false;  // an object of the lab with other content is replaced
};

// Copies objects with content type, further headers, metadata and tags, several at a time, each in
// flat memory. Two objects are alike when their sizes and ETags are, or else their sizes and
// SHA-256 digests. What is alike is not copied again; what differs stays and is told. May be ended
// anywhere and begun again.
class ObjectCopy {
 public:
  // All outlive it.
  ObjectCopy(store::ObjectStore& source,
             store::ObjectStore& target,
             Ledger& ledger,
             ObjectOptions options)
      : source_(source), target_(target), ledger_(ledger), options_(options) {}

  // Makes the bucket where there is none. Throws store::Fault, and Error(temporarily_unavailable)
  // once the ledger's owner wants it to stop.
  void run(const ObjectMove& move);

 private:
  struct Pair;
  enum class Outcome { same, copied, missing, different, odd };

  void take_page(const ObjectMove& move, const std::vector<store::ObjectInfo>& objects);
  Outcome take(const Pair& pair, std::string& why);
  bool is_same(const Pair& pair, const store::ObjectInfo& there);
  bool copy(const Pair& pair);
  void tell(const Pair& pair, Outcome outcome, const std::string& why);

  store::ObjectStore& source_;
  store::ObjectStore& target_;
  Ledger& ledger_;
  ObjectOptions options_;
  std::string counted_;      // the word under which this move's objects are counted
  bool has_bucket_ = true;   // whether the target has the bucket
  std::mutex ledger_mutex_;  // guards ledger_ while several copy
};

}  // namespace sandbox::import
