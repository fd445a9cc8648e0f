// Multipart uploads: those of clients, whose calls are passed on, and the writers that make their
// own.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <unistd.h>

#include "embedded_store/remote/store.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/hash.h"
#include "sandbox/base/log.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::remote {
namespace {

constexpr int parts_max = 10'000;

std::string id_query(const UploadInfo& upload) {
  return "uploadId=" + sandbox::percent_encode(upload.id);
}

std::string part_query(const UploadInfo& upload, int number) {
  return "partNumber=" + std::to_string(number) + "&" + id_query(upload);
}

std::string hex_of(sandbox::Digest& digest) {
  return sandbox::hex(digest.finish());
}

std::string completion(const std::vector<CompletedPart>& parts) {
  s3::XmlWriter xml("CompleteMultipartUpload");
  for (const CompletedPart& part : parts) {
    xml.begin("Part");
    xml.element("PartNumber", part.number);
    xml.element("ETag", s3::quoted(part.etag));
    for (const Checksum& checksum : part.checksums) {
      xml.element("Checksum" + checksum.algorithm, checksum.value);
    }
    xml.end();
  }
  return xml.finish();
}

class PutWriter final : public ObjectWriter {
 public:
  PutWriter(RemoteStore& store, std::string bucket, std::string key, ObjectHeaders headers)
      : store_(store),
        bucket_(std::move(bucket)),
        key_(std::move(key)),
        headers_(std::move(headers)) {}

  ~PutWriter() override {
    if (!upload_ || is_done_) return;
    try {
      store_.abort_upload(*upload_);
    } catch (const std::exception& failure) {
      // It stays invisible, and `gc` or the store's own rules remove it later.
      sandbox::log::warning("an unfinished upload stays in the object store",
                            {{"key", key_}, {"reason", failure.what()}});
    }
  }
  PutWriter(const PutWriter&) = delete;
  PutWriter& operator=(const PutWriter&) = delete;

  void write(std::string_view piece) override {
    md5_.update(piece);
    size_ += piece.size();
    const std::size_t part_bytes = store_.client().options().part_bytes;
    while (!piece.empty()) {
      // A full part goes only when more comes: an object of one part needs no parts.
      if (buffer_.size() == part_bytes) send_part();
      const std::size_t taken = std::min(piece.size(), part_bytes - buffer_.size());
      buffer_.append(piece.substr(0, taken));
      piece.remove_prefix(taken);
    }
  }
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  std::string md5() override {
    if (md5_hex_.empty()) md5_hex_ = hex_of(md5_);
    return md5_hex_;
  }

  ObjectInfo commit(const ObjectHeaders& headers,
                    const std::vector<Checksum>& checksums,
                    const WriteConditions& conditions) override {
    if (upload_) {
      send_part();
      ObjectInfo info = store_.complete_upload(*upload_, parts_, checksums, conditions);
      is_done_ = true;
      info.size = size_;
      info.headers = headers_;
      return info;
    }
    const Answer answer = store_.client().ask({.method = "PUT",
                                               .bucket = bucket_,
                                               .key = key_,
                                               .headers = write_headers(headers, conditions),
                                               .body = buffer_});
    is_done_ = true;
    ObjectInfo info;
    info.bucket = bucket_;
    info.key = key_;
    info.version_id = answer.headers.get("x-amz-version-id", "null");
    info.size = size_;
    info.etag = s3::unquoted(answer.headers.get("etag"));
    info.modified_ms = store_.env().now_ms();
    info.headers = headers;
    return info;
  }

 private:
  void send_part() {
    if (!upload_) {
      UploadInfo request;
      request.bucket = bucket_;
      request.key = key_;
      request.headers = headers_;
      upload_ = store_.create_upload(std::move(request));
    }
    const int number = static_cast<int>(parts_.size()) + 1;
    if (number > parts_max) {
      throw Fault("EntityTooLarge",
                  "'" + key_ + "' is larger than " +
                      std::to_string(parts_max * (store_.client().options().part_bytes >> 20)) +
                      " MiB, the most this server passes on. Send it to the object store itself.");
    }
    const Answer answer = store_.client().ask({.method = "PUT",
                                               .bucket = bucket_,
                                               .key = key_,
                                               .query = part_query(*upload_, number),
                                               .body = buffer_});
    parts_.push_back({number, s3::unquoted(answer.headers.get("etag")), {}});
    buffer_.clear();
  }

  RemoteStore& store_;
  std::string bucket_;
  std::string key_;
  ObjectHeaders headers_;
  std::string buffer_;
  std::uint64_t size_ = 0;
  sandbox::Digest md5_{sandbox::DigestKind::md5};
  std::string md5_hex_;
  std::optional<UploadInfo> upload_;  // once there is more than one part
  std::vector<CompletedPart> parts_;
  bool is_done_ = false;
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

class PartWriter final : public ObjectWriter {
 public:
  PartWriter(RemoteStore& store, UploadInfo upload, int number)
      : store_(store), upload_(std::move(upload)), number_(number), file_(std::tmpfile()) {
    if (!file_) throw no_room();
  }

  void write(std::string_view piece) override {
    md5_.update(piece);
    sha256_.update(piece);
    size_ += piece.size();
    if (std::fwrite(piece.data(), 1, piece.size(), file_.get()) != piece.size()) throw no_room();
  }
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  std::string md5() override {
    if (md5_hex_.empty()) md5_hex_ = hex_of(md5_);
    return md5_hex_;
  }

  ObjectInfo commit(const ObjectHeaders& /*headers*/,
                    const std::vector<Checksum>& /*checksums*/,
                    const WriteConditions& /*conditions*/) override {
    if (std::fflush(file_.get()) != 0) throw no_room();
    const int file = fileno(file_.get());
    const auto source = [file](std::uint64_t offset, char* out, std::size_t max) {
      const ssize_t got = pread(file, out, max, static_cast<off_t>(offset));
      if (got <= 0) throw Fault("InternalError", "A part cannot be read back from its file.");
      return static_cast<std::size_t>(got);
    };
    const Answer answer = store_.client().ask({.method = "PUT",
                                               .bucket = upload_.bucket,
                                               .key = upload_.key,
                                               .query = part_query(upload_, number_),
                                               .source = source,
                                               .source_bytes = size_,
                                               .source_sha256 = hex_of(sha256_)});
    ObjectInfo info;
    info.bucket = upload_.bucket;
    info.key = upload_.key;
    info.size = size_;
    info.etag = s3::unquoted(answer.headers.get("etag"));
    info.modified_ms = store_.env().now_ms();
    return info;
  }

 private:
  static Fault no_room() {
    return Fault("InsufficientStorage",
                 std::string("A part cannot wait on this machine's disk: ") + std::strerror(errno));
  }

  RemoteStore& store_;
  UploadInfo upload_;
  int number_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::uint64_t size_ = 0;
  sandbox::Digest md5_{sandbox::DigestKind::md5};
  sandbox::Digest sha256_{sandbox::DigestKind::sha256};
  std::string md5_hex_;
};

PartInfo read_part(const s3::XmlNode& node) {
  PartInfo part;
  part.number = static_cast<int>(
      sandbox::parse_int64(node.child_text("PartNumber").value_or("")).value_or(0));
  part.size = static_cast<std::uint64_t>(
      sandbox::parse_int64(node.child_text("Size").value_or("")).value_or(0));
  part.etag = s3::unquoted(node.child_text("ETag").value_or(""));
  part.modified_ms =
      sandbox::parse_iso8601(node.child_text("LastModified").value_or("")).value_or(0);
  return part;
}

}  // namespace

std::unique_ptr<ObjectWriter> put_writer(RemoteStore& store,
                                         std::string bucket,
                                         std::string key,
                                         ObjectHeaders headers) {
  return std::make_unique<PutWriter>(store, std::move(bucket), std::move(key), std::move(headers));
}

std::unique_ptr<ObjectWriter> part_writer(RemoteStore& store, UploadInfo upload, int number) {
  return std::make_unique<PartWriter>(store, std::move(upload), number);
}

UploadInfo RemoteStore::create_upload(UploadInfo request) {
  HeaderList headers = write_headers(request.headers);
  if (!request.checksum_algorithm.empty()) {
    headers.emplace_back("x-amz-checksum-algorithm", request.checksum_algorithm);
  }
  if (!request.checksum_type.empty()) {
    headers.emplace_back("x-amz-checksum-type", request.checksum_type);
  }
  const Answer answer = client_.ask({.method = "POST",
                                     .bucket = request.bucket,
                                     .key = request.key,
                                     .query = "uploads=",
                                     .headers = headers});
  request.id = document_in(answer).child_text("UploadId").value_or("");
  request.started_ms = env_.now_ms();
  return request;
}

UploadInfo RemoteStore::upload(const std::string& bucket,
                               const std::string& key,
                               const std::string& id) {
  UploadInfo upload;
  upload.bucket = bucket;
  upload.key = key;
  upload.id = id;
  parts(upload, 0, 1);  // NoSuchUpload when there is none
  return upload;
}

std::unique_ptr<ObjectWriter> RemoteStore::begin_part(const UploadInfo& upload, int number) {
  return part_writer(*this, upload, number);
}

std::vector<PartInfo> RemoteStore::parts(const UploadInfo& upload, int after, int wanted) {
  std::string query = id_query(upload) + "&max-parts=" + std::to_string(wanted);
  if (after > 0) query += "&part-number-marker=" + std::to_string(after);
  const Answer answer = client_.ask({.bucket = upload.bucket, .key = upload.key, .query = query});
  std::vector<PartInfo> found;
  for (const s3::XmlNode& node : document_in(answer).children) {
    if (node.name == "Part") found.push_back(read_part(node));
  }
  return found;
}

ObjectInfo RemoteStore::complete_upload(const UploadInfo& upload,
                                        const std::vector<CompletedPart>& parts,
                                        const std::vector<Checksum>& checksums,
                                        const WriteConditions& conditions) {
  const std::string body = completion(parts);
  HeaderList headers = write_headers({}, conditions);
  headers.erase(headers.begin());  // the upload has its content type already
  headers.emplace_back("content-type", "application/xml");
  for (const Checksum& checksum : checksums) {
    headers.emplace_back("x-amz-checksum-" + sandbox::lower(checksum.algorithm), checksum.value);
  }
  int attempts = 0;
  const Ask ask{.method = "POST",
                .bucket = upload.bucket,
                .key = upload.key,
                .query = id_query(upload),
                .headers = headers,
                .body = body,
                .attempts = &attempts};
  ObjectInfo info;
  info.bucket = upload.bucket;
  info.key = upload.key;
  info.parts = static_cast<int>(parts.size());
  info.modified_ms = env_.now_ms();
  try {
    const Answer answer = client_.ask(ask);
    info.version_id = answer.headers.get("x-amz-version-id", "null");
    info.etag = s3::unquoted(document_in(answer).child_text("ETag").value_or(""));
    return info;
  } catch (const Fault& fault) {
    // An attempt whose answer was lost may have completed it.
    if (fault.code() != "NoSuchUpload" || attempts < 2) throw;
    auto found = find(upload.bucket, upload.key);
    if (!found || !found->etag.ends_with("-" + std::to_string(parts.size()))) throw;
    return *std::move(found);
  }
}

void RemoteStore::abort_upload(const UploadInfo& upload) {
  client_.ask(
      {.method = "DELETE", .bucket = upload.bucket, .key = upload.key, .query = id_query(upload)});
}

}  // namespace store::remote
