#include "embedded_store/engine/records.h"

#include <optional>

namespace store::engine {
namespace {

constexpr char record_version = 1;
constexpr std::uint64_t first_critical_tag = 128;

// Tags are never given a second meaning.
namespace bucket_tag {
constexpr std::uint64_t id = 1;
constexpr std::uint64_t created_ms = 2;
constexpr std::uint64_t region = 3;
// 4 versioning state, 5 object lock
}  // namespace bucket_tag

namespace blob_tag {
constexpr std::uint64_t id = 1;
constexpr std::uint64_t place = 2;
constexpr std::uint64_t size = 3;
constexpr std::uint64_t chunk_bytes = 4;
}  // namespace blob_tag

namespace object_tag {
constexpr std::uint64_t data = 1;
constexpr std::uint64_t blob = 2;
constexpr std::uint64_t version = 3;
constexpr std::uint64_t size = 4;
constexpr std::uint64_t parts = 5;
constexpr std::uint64_t etag = 6;
constexpr std::uint64_t modified_ms = 7;
constexpr std::uint64_t checksum = 8;
constexpr std::uint64_t content_type = 9;
constexpr std::uint64_t standard = 10;
constexpr std::uint64_t user = 11;
constexpr std::uint64_t tag = 12;
// 13 version id (absent: "null"), 14 delete marker, 15 retention, 16 legal hold, 17 owner;
// 128 encryption, 129 compression
}  // namespace object_tag

namespace part_tag {
constexpr std::uint64_t number = 1;
constexpr std::uint64_t blob = 2;
constexpr std::uint64_t etag = 6;
constexpr std::uint64_t modified_ms = 7;
constexpr std::uint64_t checksum = 8;
}  // namespace part_tag

namespace upload_tag {
constexpr std::uint64_t number = 1;
constexpr std::uint64_t started_ms = 2;
constexpr std::uint64_t checksum_algorithm = 3;
constexpr std::uint64_t checksum_type = 4;
// Headers bear the tags they have in an object.
}  // namespace upload_tag

constexpr std::uint64_t list_item_tag = 1;  // of manifests and garbage

[[noreturn]] void refuse(const std::string& why) {
  throw Fault("InternalError", "A record of the object store cannot be read: " + why);
}

void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

// Throws when the number is cut short.
std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) refuse("a number is cut short");
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return number;
  }
  refuse("a number is too long");
}

std::string_view take_text(std::string_view& bytes) {
  const std::uint64_t size = take_varint(bytes);
  if (size > bytes.size()) refuse("a field is cut short");
  const auto text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return text;
}

void append_text(std::string& out, std::string_view text) {
  append_varint(out, text.size());
  out.append(text);
}

class FieldWriter {
 public:
  FieldWriter() : out_(1, record_version) {}
  void text(std::uint64_t tag, std::string_view value) {
    if (!value.empty()) always(tag, value);
  }
  void number(std::uint64_t tag, std::uint64_t value) {
    if (value == 0) return;
    std::string bytes;
    append_varint(bytes, value);
    always(tag, bytes);
  }
  void time(std::uint64_t tag, std::int64_t ms) { number(tag, static_cast<std::uint64_t>(ms)); }
  void texts(std::uint64_t tag, const std::map<std::string, std::string>& pairs) {
    for (const auto& [name, value] : pairs) {
      std::string bytes;
      append_text(bytes, name);
      always(tag, bytes.append(value));
    }
  }
  void checksums(std::uint64_t tag, const std::vector<Checksum>& list) {
    for (const auto& one : list) {
      std::string bytes;
      append_text(bytes, one.algorithm);
      append_text(bytes, one.type);
      always(tag, bytes.append(one.value));
    }
  }
  void headers(const ObjectHeaders& headers) {
    text(object_tag::content_type, headers.content_type);
    texts(object_tag::standard, headers.standard);
    texts(object_tag::user, headers.user);
    texts(object_tag::tag, headers.tags);
  }
  void always(std::uint64_t tag, std::string_view value) {
    append_varint(out_, tag);
    append_text(out_, value);
  }
  // Fields kept from an earlier reading, in their encoded form.
  std::string finish(std::string_view unknown) { return std::move(out_.append(unknown)); }

 private:
  std::string out_;
};

struct Field {
  std::uint64_t tag = 0;
  std::string_view value;
  std::string_view encoded;  // tag, length and value

  [[nodiscard]] std::uint64_t number() const {
    auto rest = value;
    return take_varint(rest);
  }
  [[nodiscard]] std::int64_t time() const { return static_cast<std::int64_t>(number()); }
  void read_into(std::map<std::string, std::string>& pairs) const {
    auto rest = value;
    const auto name = take_text(rest);
    pairs.emplace(name, rest);
  }
  void read_into(std::vector<Checksum>& list) const {
    auto rest = value;
    Checksum one;
    one.algorithm = take_text(rest);
    one.type = take_text(rest);
    one.value = rest;
    list.push_back(std::move(one));
  }
  bool read_into(ObjectHeaders& headers) const {
    switch (tag) {
      case object_tag::content_type: headers.content_type = value; return true;
      case object_tag::standard: read_into(headers.standard); return true;
      case object_tag::user: read_into(headers.user); return true;
      case object_tag::tag: read_into(headers.tags); return true;
      default: return false;
    }
  }
  void keep_in(std::string& unknown) const {
    if (tag >= first_critical_tag) {
      refuse("it was written by a newer version of this program (field " + std::to_string(tag) +
             ")");
    }
    unknown.append(encoded);
  }
};

class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : rest_(bytes) {
    if (bytes.empty()) refuse("it is empty");
    if (bytes.front() != record_version) {
      refuse("its version is " + std::to_string(static_cast<unsigned char>(bytes.front())));
    }
    rest_.remove_prefix(1);
  }
  std::optional<Field> next() {
    if (rest_.empty()) return std::nullopt;
    const auto before = rest_;
    Field field;
    field.tag = take_varint(rest_);
    field.value = take_text(rest_);
    field.encoded = before.substr(0, before.size() - rest_.size());
    return field;
  }

 private:
  std::string_view rest_;
};

std::string encode_blob(const Blob& blob) {
  FieldWriter out;
  out.number(blob_tag::id, blob.id);
  out.number(blob_tag::place, static_cast<std::uint64_t>(blob.place));
  out.number(blob_tag::size, blob.size);
  out.number(blob_tag::chunk_bytes, blob.chunk_bytes);
  return out.finish(blob.unknown);
}

Blob decode_blob(std::string_view bytes) {
  Blob blob;
  FieldReader in(bytes);
  while (const auto field = in.next()) {
    switch (field->tag) {
      case blob_tag::id: blob.id = field->number(); break;
      case blob_tag::place: blob.place = static_cast<Place>(field->number()); break;
      case blob_tag::size: blob.size = field->number(); break;
      case blob_tag::chunk_bytes:
        blob.chunk_bytes = static_cast<std::uint32_t>(field->number());
        break;
      default: field->keep_in(blob.unknown);
    }
  }
  if (blob.place > Place::large) refuse("its bytes lie where a newer version put them");
  if (blob.place != Place::nowhere && blob.chunk_bytes == 0) refuse("its chunks have no size");
  return blob;
}

}  // namespace

std::string encode(const BucketRecord& record) {
  FieldWriter out;
  out.number(bucket_tag::id, record.id);
  out.time(bucket_tag::created_ms, record.created_ms);
  out.text(bucket_tag::region, record.region);
  return out.finish(record.unknown);
}

BucketRecord decode_bucket(std::string_view bytes) {
  BucketRecord record;
  FieldReader in(bytes);
  while (const auto field = in.next()) {
    switch (field->tag) {
      case bucket_tag::id: record.id = field->number(); break;
      case bucket_tag::created_ms: record.created_ms = field->time(); break;
      case bucket_tag::region: record.region = field->value; break;
      default: field->keep_in(record.unknown);
    }
  }
  return record;
}

std::string encode(const ObjectRecord& record) {
  FieldWriter out;
  out.number(object_tag::data, record.data);
  if (record.blob.id != 0) out.always(object_tag::blob, encode_blob(record.blob));
  out.number(object_tag::version, record.version);
  out.number(object_tag::size, record.size);
  out.number(object_tag::parts, static_cast<std::uint64_t>(record.parts));
  out.text(object_tag::etag, record.etag);
  out.time(object_tag::modified_ms, record.modified_ms);
  out.checksums(object_tag::checksum, record.checksums);
  out.headers(record.headers);
  return out.finish(record.unknown);
}

ObjectRecord decode_object(std::string_view bytes) {
  ObjectRecord record;
  record.headers.content_type.clear();
  FieldReader in(bytes);
  while (const auto field = in.next()) {
    switch (field->tag) {
      case object_tag::data: record.data = field->number(); break;
      case object_tag::blob: record.blob = decode_blob(field->value); break;
      case object_tag::version: record.version = field->number(); break;
      case object_tag::size: record.size = field->number(); break;
      case object_tag::parts: record.parts = static_cast<int>(field->number()); break;
      case object_tag::etag: record.etag = field->value; break;
      case object_tag::modified_ms: record.modified_ms = field->time(); break;
      case object_tag::checksum: field->read_into(record.checksums); break;
      default:
        if (!field->read_into(record.headers)) field->keep_in(record.unknown);
    }
  }
  return record;
}

std::string encode(const PartRecord& record) {
  FieldWriter out;
  out.number(part_tag::number, static_cast<std::uint64_t>(record.number));
  if (record.blob.id != 0) out.always(part_tag::blob, encode_blob(record.blob));
  out.text(part_tag::etag, record.etag);
  out.time(part_tag::modified_ms, record.modified_ms);
  out.checksums(part_tag::checksum, record.checksums);
  return out.finish(record.unknown);
}

PartRecord decode_part(std::string_view bytes) {
  PartRecord record;
  FieldReader in(bytes);
  while (const auto field = in.next()) {
    switch (field->tag) {
      case part_tag::number: record.number = static_cast<int>(field->number()); break;
      case part_tag::blob: record.blob = decode_blob(field->value); break;
      case part_tag::etag: record.etag = field->value; break;
      case part_tag::modified_ms: record.modified_ms = field->time(); break;
      case part_tag::checksum: field->read_into(record.checksums); break;
      default: field->keep_in(record.unknown);
    }
  }
  return record;
}

std::string encode(const UploadRecord& record) {
  FieldWriter out;
  out.number(upload_tag::number, record.number);
  out.time(upload_tag::started_ms, record.started_ms);
  out.text(upload_tag::checksum_algorithm, record.checksum_algorithm);
  out.text(upload_tag::checksum_type, record.checksum_type);
  out.headers(record.headers);
  return out.finish(record.unknown);
}

UploadRecord decode_upload(std::string_view bytes) {
  UploadRecord record;
  record.headers.content_type.clear();
  FieldReader in(bytes);
  while (const auto field = in.next()) {
    switch (field->tag) {
      case upload_tag::number: record.number = field->number(); break;
      case upload_tag::started_ms: record.started_ms = field->time(); break;
      case upload_tag::checksum_algorithm: record.checksum_algorithm = field->value; break;
      case upload_tag::checksum_type: record.checksum_type = field->value; break;
      default:
        if (!field->read_into(record.headers)) field->keep_in(record.unknown);
    }
  }
  return record;
}

std::string encode(const std::vector<PartRecord>& manifest) {
  FieldWriter out;
  for (const auto& part : manifest) out.always(list_item_tag, encode(part));
  return out.finish("");
}

std::vector<PartRecord> decode_manifest(std::string_view bytes) {
  std::vector<PartRecord> manifest;
  std::string unknown;
  FieldReader in(bytes);
  while (const auto field = in.next()) {
    if (field->tag == list_item_tag) {
      manifest.push_back(decode_part(field->value));
    } else {
      field->keep_in(unknown);
    }
  }
  return manifest;
}

std::string encode(const std::vector<Blob>& garbage) {
  FieldWriter out;
  for (const auto& blob : garbage) out.always(list_item_tag, encode_blob(blob));
  return out.finish("");
}

std::vector<Blob> decode_garbage(std::string_view bytes) {
  std::vector<Blob> garbage;
  std::string unknown;
  FieldReader in(bytes);
  while (const auto field = in.next()) {
    if (field->tag == list_item_tag) {
      garbage.push_back(decode_blob(field->value));
    } else {
      field->keep_in(unknown);
    }
  }
  return garbage;
}

}  // namespace store::engine
