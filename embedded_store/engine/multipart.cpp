// Multipart uploads. A part is a blob like an object's; completing an upload writes a list of them.
#include <algorithm>

#include "embedded_store/engine/names.h"
#include "embedded_store/engine/store.h"
#include "sandbox/base/text.h"

namespace store::engine {
namespace {

Fault no_such_upload(const std::string& id) {
  Fault fault(
      "NoSuchUpload",
      "The specified multipart upload does not exist. The upload ID might be invalid, or the "
      "multipart upload might have been aborted or completed.");
  fault.details.emplace_back("UploadId", id);
  return fault;
}

Fault invalid_part(const UploadInfo& upload, const CompletedPart& part) {
  Fault fault("InvalidPart",
              "One or more of the specified parts could not be found. The part might not have been "
              "uploaded, or the specified entity tag might not match the part's entity tag.");
  fault.details.emplace_back("UploadId", upload.id);
  fault.details.emplace_back("PartNumber", std::to_string(part.number));
  fault.details.emplace_back("ETag", part.etag);
  return fault;
}

bool has_checksums(const PartRecord& record, const std::vector<Checksum>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const Checksum& one) {
    return std::any_of(record.checksums.begin(), record.checksums.end(),
                       [&](const Checksum& stored) {
                         return stored.algorithm == one.algorithm && stored.value == one.value;
                       });
  });
}

UploadInfo info_of(const std::string& bucket, UploadName name, UploadRecord record) {
  return {.id = std::move(name.id),
          .bucket = bucket,
          .key = std::move(name.key),
          .started_ms = record.started_ms,
          .headers = std::move(record.headers),
          .checksum_algorithm = std::move(record.checksum_algorithm),
          .checksum_type = std::move(record.checksum_type)};
}

std::string etag_of(const std::vector<PartRecord>& parts) {
  sandbox::Digest digest(sandbox::DigestKind::md5);
  for (const auto& part : parts) {
    const auto md5 = sandbox::unhex(part.etag).value();
    digest.update({reinterpret_cast<const char*>(md5.data()), md5.size()});
  }
  return sandbox::hex(digest.finish()) + "-" + std::to_string(parts.size());
}

}  // namespace

UploadInfo Store::create_upload(UploadInfo request) {
  check_key(request.key);
  const BucketUse in_use = use(request.bucket);
  const Id bucket = in_use.id();
  request.id = env_.new_id();
  request.started_ms = env_.now_ms();
  UploadRecord record;
  record.number = ids_.next();
  record.started_ms = request.started_ms;
  record.headers = request.headers;
  record.checksum_algorithm = request.checksum_algorithm;
  record.checksum_type = request.checksum_type;
  Batch batch(rocks_);
  batch.put(Family::meta, upload_key(bucket, request.key, request.id), encode(record));
  rocks_.commit(batch);
  return request;
}

UploadInfo Store::upload(const std::string& bucket, const std::string& key, const std::string& id) {
  UploadInfo wanted;
  wanted.key = key;
  wanted.id = id;
  return info_of(bucket, {.key = key, .id = id}, get_upload(bucket_id(bucket), wanted));
}

std::optional<UploadRecord> Store::find_upload(Id bucket, const UploadInfo& upload) {
  const auto bytes = rocks_.read(Family::meta, upload_key(bucket, upload.key, upload.id));
  if (!bytes) return std::nullopt;
  return decode_upload(*bytes);
}

UploadRecord Store::get_upload(Id bucket, const UploadInfo& upload) {
  auto record = find_upload(bucket, upload);
  if (!record) throw no_such_upload(upload.id);
  return *std::move(record);
}

void Store::commit_part(const UploadInfo& upload, BlobWriter& blob, PartRecord& record) {
  record.blob = blob.seal();
  Batch batch(rocks_);
  Id replaced = 0;
  BucketUse in_use;
  std::unique_lock<std::mutex> lock;
  try {
    in_use = use(upload.bucket);
    lock = std::unique_lock(key_lock(in_use.id(), upload.key));
    const Id number = get_upload(in_use.id(), upload).number;
    const std::string key = part_key(number, record.number);
    if (const auto bytes = rocks_.read(Family::meta, key)) {
      const auto before = decode_part(*bytes);
      replaced = before.blob.id;
      if (replaced != 0) {
        batch.put(Family::meta, garbage_key(replaced), encode(std::vector{before.blob}));
      }
    }
    record.modified_ms = env_.now_ms();
    blob.add_to(batch);
    batch.put(Family::meta, key, encode(record));
  } catch (const Fault&) {
    discard(blob);
    throw;
  }
  reach("before commit");
  rocks_.commit(batch);
  reach("committed");
  if (replaced != 0) sweeper_.notify(replaced);
}

std::vector<PartInfo> Store::parts(const UploadInfo& upload, int after, int parts_max) {
  std::vector<PartInfo> out;
  const Id number = get_upload(bucket_id(upload.bucket), upload).number;
  if (after >= 10'000) return out;
  Cursor cursor = rocks_.cursor(parts_prefix(number));
  cursor.seek(part_key(number, std::max(after, 0) + 1));
  for (; cursor.valid() && static_cast<int>(out.size()) < parts_max; cursor.next()) {
    out.push_back(engine::info_of(decode_part(cursor.value())));
  }
  return out;
}

std::vector<PartRecord> Store::all_parts(Id upload) {
  std::vector<PartRecord> out;
  for (Cursor cursor = rocks_.cursor(parts_prefix(upload)); cursor.valid(); cursor.next()) {
    out.push_back(decode_part(cursor.value()));
  }
  return out;
}

std::vector<PartRecord> Store::manifest(Id data) {
  const auto bytes = rocks_.read(Family::meta, manifest_key(data));
  if (!bytes) throw Fault("InternalError", "The parts of a multipart object are not recorded");
  return decode_manifest(*bytes);
}

Id Store::end_upload(Batch& batch,
                     Id bucket,
                     const UploadName& name,
                     Id number,
                     const std::vector<PartRecord>& parts,
                     const std::vector<Blob>& garbage) {
  batch.erase(Family::meta, upload_key(bucket, name.key, name.id));
  for (const auto& part : parts) batch.erase(Family::meta, part_key(number, part.number));
  std::vector<Blob> blobs;
  std::copy_if(garbage.begin(), garbage.end(), std::back_inserter(blobs),
               [](const Blob& blob) { return blob.place != Place::nowhere; });
  if (blobs.empty()) return 0;
  // An upload's number is a data id nothing else uses.
  batch.put(Family::meta, garbage_key(number), encode(blobs));
  return number;
}

ObjectInfo Store::complete_upload(const UploadInfo& upload,
                                  const std::vector<CompletedPart>& parts,
                                  const std::vector<Checksum>& checksums,
                                  const WriteConditions& conditions) {
  const BucketUse in_use = use(upload.bucket);
  const Id bucket = in_use.id();
  const std::unique_lock lock(key_lock(bucket, upload.key));
  const UploadRecord started = get_upload(bucket, upload);

  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].number <= parts[i - 1].number) {
      throw Fault("InvalidPartOrder",
                  "The list of parts was not in ascending order. The parts list must be specified "
                  "in order by part number.");
    }
  }
  if (parts.empty()) throw Fault("InvalidRequest", "You must specify at least one part");
  const std::vector<PartRecord> sent = all_parts(started.number);
  std::vector<PartRecord> chosen;
  std::vector<Blob> discarded;
  ObjectRecord record;
  auto wanted = parts.begin();
  for (const auto& part : sent) {
    if (wanted == parts.end() || part.number < wanted->number) {
      discarded.push_back(part.blob);
      continue;
    }
    if (part.number > wanted->number || part.etag != wanted->etag ||
        !has_checksums(part, wanted->checksums)) {
      throw invalid_part(upload, *wanted);
    }
    if (wanted + 1 != parts.end() && part.blob.size < options_.part_bytes_min) {
      Fault fault("EntityTooSmall",
                  "Your proposed upload is smaller than the minimum allowed object size.");
      fault.details.emplace_back("ProposedSize", std::to_string(part.blob.size));
      fault.details.emplace_back("MinSizeAllowed", std::to_string(options_.part_bytes_min));
      fault.details.emplace_back("PartNumber", std::to_string(part.number));
      fault.details.emplace_back("ETag", part.etag);
      throw fault;
    }
    record.size += part.blob.size;
    chosen.push_back(part);
    ++wanted;
  }
  if (wanted != parts.end()) throw invalid_part(upload, *wanted);

  const auto before = find_record(bucket, upload.key);
  check_conditions(conditions, before);
  record.data = ids_.next();
  record.version = ids_.next();
  record.parts = static_cast<int>(chosen.size());
  record.etag = etag_of(chosen);
  record.modified_ms = env_.now_ms();
  record.checksums = checksums;
  record.headers = started.headers;
  Batch batch(rocks_);
  batch.put(Family::meta, manifest_key(record.data), encode(chosen));
  replace(batch, bucket, upload.key, before, record);
  const Id garbage = end_upload(batch, bucket, {.key = upload.key, .id = upload.id}, started.number,
                                sent, discarded);
  reach("before commit");
  rocks_.commit(batch);
  reach("committed");
  if (garbage != 0) sweeper_.notify(garbage);
  if (before && before->data != 0) sweeper_.notify(before->data);
  return engine::info_of(upload.bucket, upload.key, std::move(record));
}

void Store::abort_upload(const UploadInfo& upload) {
  const BucketUse in_use = use(upload.bucket);
  const Id bucket = in_use.id();
  const std::unique_lock lock(key_lock(bucket, upload.key));
  const Id number = get_upload(bucket, upload).number;
  const auto parts = all_parts(number);
  std::vector<Blob> blobs;
  for (const auto& part : parts) blobs.push_back(part.blob);
  Batch batch(rocks_);
  const Id garbage =
      end_upload(batch, bucket, {.key = upload.key, .id = upload.id}, number, parts, blobs);
  reach("before commit");
  rocks_.commit(batch);
  reach("committed");
  if (garbage != 0) sweeper_.notify(garbage);
}

std::vector<UploadInfo> Store::uploads(const std::string& bucket,
                                       const std::string& prefix,
                                       const std::string& key_after,
                                       const std::string& id_after,
                                       int uploads_max) {
  const Id id = bucket_id(bucket);
  std::vector<UploadInfo> out;
  Cursor cursor = rocks_.cursor(uploads_prefix(id, prefix));
  if (!key_after.empty()) {
    const std::string after = upload_key(id, key_after, id_after);
    // Without an id: all uploads of that key have been seen.
    cursor.seek(id_after.empty() ? successor(after) : after + '\0');
  }
  for (; cursor.valid() && static_cast<int>(out.size()) < uploads_max; cursor.next()) {
    out.push_back(info_of(bucket, upload_name_of(cursor.key()), decode_upload(cursor.value())));
  }
  return out;
}

}  // namespace store::engine
