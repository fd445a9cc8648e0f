// Numbers of buckets, blobs, uploads and versions: one rising sequence for all. A number is never
// dealt twice, not even after a crash: blocks of them are reserved on disk before the first is
// used.
#pragma once

#include <mutex>

#include "embedded_store/engine/keys.h"
#include "embedded_store/engine/rocks.h"

namespace store::engine {

class Ids {
 public:
  explicit Ids(Rocks& rocks);
  // Safe from every thread.
  Id next();
  // Every number that was dealt before this opening is smaller.
  [[nodiscard]] Id first() const { return first_; }

 private:
  Rocks& rocks_;
  std::mutex mutex_;
  Id first_ = 1;
  Id next_ = 1;
  Id reserved_ = 1;  // those from here on may not be dealt yet
};

}  // namespace store::engine
