#include "embedded_store/engine/chunks.h"

#include <algorithm>
#include <array>

namespace store::engine {

BlobWriter::BlobWriter(Rocks& rocks, Ids& ids, const StoreOptions& options)
    : rocks_(rocks), ids_(ids), options_(options) {}

BlobWriter::~BlobWriter() = default;

void BlobWriter::write(std::string_view piece) {
  blob_.size += piece.size();
  if (!file_) {
    pending_.append(piece);
    if (pending_.size() > options_.small_bytes_max) spill();
    return;
  }
  while (!piece.empty()) {
    const auto taken = piece.substr(0, chunk_bytes - pending_.size());
    pending_.append(taken);
    piece.remove_prefix(taken.size());
    if (pending_.size() == chunk_bytes) {
      file_->append(chunks_written_++, pending_);
      pending_.clear();
    }
  }
}

void BlobWriter::spill() {
  blob_.id = ids_.next();
  blob_.place = Place::large;
  blob_.chunk_bytes = chunk_bytes;
  file_ = rocks_.begin_file(blob_.id);
  std::string_view rest = pending_;
  for (; rest.size() >= chunk_bytes; rest.remove_prefix(chunk_bytes)) {
    file_->append(chunks_written_++, rest.substr(0, chunk_bytes));
  }
  std::string kept(rest);
  kept.reserve(chunk_bytes);
  pending_ = std::move(kept);
}

const Blob& BlobWriter::seal() {
  if (is_sealed_) return blob_;
  is_sealed_ = true;
  if (file_) {
    if (!pending_.empty()) file_->append(chunks_written_++, pending_);
    pending_ = {};
    if (options_.crash_point) options_.crash_point("large bytes written");
    rocks_.take_in(*file_);
    if (options_.crash_point) options_.crash_point("large bytes taken in");
  } else if (blob_.size > 0) {
    blob_.id = ids_.next();
    blob_.place = Place::small;
    blob_.chunk_bytes = chunk_bytes;
  }
  return blob_;
}

void BlobWriter::add_to(Batch& batch) const {
  if (blob_.place == Place::large) {
    batch.put(Family::meta, large_key(blob_.id), "");
    return;
  }
  std::string_view rest = pending_;
  for (std::uint32_t chunk = 0; !rest.empty(); ++chunk) {
    const auto piece = rest.substr(0, chunk_bytes);
    batch.put(Family::small, chunk_key(blob_.id, chunk), piece);
    rest.remove_prefix(piece.size());
  }
}

void BlobWriter::discard() {
  if (blob_.place == Place::large) rocks_.drop_files(std::array{blob_.id});
}

void read_blob(Rocks& rocks,
               const Blob& blob,
               std::uint64_t offset,
               std::uint64_t length,
               const std::function<void(std::string_view)>& sink) {
  const Family family = blob.place == Place::large ? Family::data : Family::small;
  while (length > 0) {
    const auto chunk = static_cast<std::uint32_t>(offset / blob.chunk_bytes);
    const std::size_t start = offset % blob.chunk_bytes;
    std::size_t given = 0;
    rocks.read(family, chunk_key(blob.id, chunk), [&](std::string_view bytes) {
      if (start >= bytes.size()) return;
      const auto piece = bytes.substr(start, std::min<std::uint64_t>(length, bytes.size() - start));
      given = piece.size();
      sink(piece);
    });
    if (given == 0) {
      throw Fault("InternalError", "Chunk " + std::to_string(chunk) + " of blob " +
                                       std::to_string(blob.id) +
                                       " is missing from the object store");
    }
    offset += given;
    length -= given;
  }
}

void erase_blob(Batch& batch, const Blob& blob) {
  if (blob.place == Place::large) batch.erase(Family::meta, large_key(blob.id));
  if (blob.place != Place::small) return;
  const std::uint64_t chunks = (blob.size + blob.chunk_bytes - 1) / blob.chunk_bytes;
  for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
    batch.erase(Family::small, chunk_key(blob.id, static_cast<std::uint32_t>(chunk)));
  }
}

}  // namespace store::engine
