// The bytes of objects: cut into chunks on the way in, put together again on the way out. A blob of
// up to StoreOptions::small_bytes_max waits in memory and goes into the batch that names it. A
// larger one goes chunk by chunk into a file of its own, which is taken into the store before the
// batch that names it: whatever ends the program in between leaves a file that no record names, and
// the sweeper removes it at the next start.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "embedded_store/engine/ids.h"
#include "embedded_store/engine/records.h"
#include "embedded_store/engine/rocks.h"
#include "embedded_store/object_store.h"

namespace store::engine {

inline constexpr std::uint32_t chunk_bytes = 256 << 10;

class BlobWriter {
 public:
  BlobWriter(Rocks& rocks, Ids& ids, const StoreOptions& options);
  ~BlobWriter();
  BlobWriter(const BlobWriter&) = delete;
  BlobWriter& operator=(const BlobWriter&) = delete;

  void write(std::string_view piece);
  [[nodiscard]] std::uint64_t size() const { return blob_.size; }
  // Ends the writing. The bytes of a large blob are on disk afterwards.
  const Blob& seal();
  // Adds to the batch what makes the sealed blob part of the store.
  void add_to(Batch& batch) const;
  // The batch was given up: nothing will ever name the sealed blob.
  void discard();

 private:
  void spill();

  Rocks& rocks_;
  Ids& ids_;
  const StoreOptions& options_;
  Blob blob_;
  std::string pending_;  // the whole blob while it is small, then the chunk being filled
  std::unique_ptr<ChunkFile> file_;
  std::uint32_t chunks_written_ = 0;
  bool is_sealed_ = false;
};

// Calls `sink` with consecutive pieces of [offset, offset + length), which must lie inside the
// blob.
void read_blob(Rocks& rocks,
               const Blob& blob,
               std::uint64_t offset,
               std::uint64_t length,
               const std::function<void(std::string_view)>& sink);

// Adds to the batch the removal of a small blob's chunks, and of a large blob's mark.
void erase_blob(Batch& batch, const Blob& blob);

}  // namespace store::engine
