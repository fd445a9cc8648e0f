// The values behind the keys of keys.h. A record is a list of tagged fields after a version byte:
//
//   01 | tag varint | length varint | bytes | tag | length | bytes | ...
//
// Numbers are varints inside their field; a repeated tag is a list. A field whose tag this program
// does not know is carried along unchanged when the record is written again. Tags from 128 on
// change what the bytes of an object mean (encryption, compression): a program that does not know
// one refuses the record instead of serving wrong bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "embedded_store/engine/keys.h"
#include "embedded_store/object_store.h"

namespace store::engine {

// Where a run of bytes lies.
enum class Place : std::uint8_t {
  nowhere = 0,  // it is empty
  small = 1,    // chunks in family small, written with the record that names them
  large = 2,    // a file of its own in family data
};

struct Blob {
  Id id = 0;
  Place place = Place::nowhere;
  std::uint64_t size = 0;
  std::uint32_t chunk_bytes = 0;
  std::string unknown;
};

struct BucketRecord {
  Id id = 0;
  std::int64_t created_ms = 0;
  std::string region;
  std::string unknown;
};

struct ObjectRecord {
  // The object's bytes as one thing that can be held open and given up: the id of its blob, or of
  // its manifest. 0 for an empty object.
  Id data = 0;
  Blob blob;       // unused when there is a manifest
  Id version = 0;  // grows with every write in the store
  std::uint64_t size = 0;
  int parts = 0;  // > 0: the blobs are in the manifest
  std::string etag;
  std::int64_t modified_ms = 0;
  std::vector<Checksum> checksums;
  ObjectHeaders headers;
  std::string unknown;
};

struct PartRecord {
  int number = 0;
  Blob blob;
  std::string etag;
  std::int64_t modified_ms = 0;
  std::vector<Checksum> checksums;
  std::string unknown;
};

struct UploadRecord {
  Id number = 0;
  std::int64_t started_ms = 0;
  ObjectHeaders headers;
  std::string checksum_algorithm;
  std::string checksum_type;
  std::string unknown;
};

std::string encode(const BucketRecord& record);
std::string encode(const ObjectRecord& record);
std::string encode(const PartRecord& record);
std::string encode(const UploadRecord& record);
std::string encode(const std::vector<PartRecord>& manifest);
std::string encode(const std::vector<Blob>& garbage);

// Each throws Fault("InternalError") when the bytes are no such record, or need a newer program.
BucketRecord decode_bucket(std::string_view bytes);
ObjectRecord decode_object(std::string_view bytes);
PartRecord decode_part(std::string_view bytes);
UploadRecord decode_upload(std::string_view bytes);
std::vector<PartRecord> decode_manifest(std::string_view bytes);
std::vector<Blob> decode_garbage(std::string_view bytes);

}  // namespace store::engine
