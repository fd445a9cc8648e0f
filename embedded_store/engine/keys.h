// Byte layout of every key in the store. All numbers are big-endian, so that the byte order of keys
// is the order of numbers.
//
// Family meta (written through the log, small records):
//
//   'A' name                                          "format", "next id": facts about the store
//   'B' bucket name                                   bucket record
//   'C' bucket id:8                                   counters of a bucket, changed by merges
//   'G' data id:8                                     garbage: blobs whose bytes may go; an empty
//                                                     list means those of the manifest
//   'L' blob id:8                                     this large blob is referenced by something
//   'M' data id:8                                     manifest: the parts of a multipart object
//   'O' bucket id:8 | object key                      the current version of an object
//   'P' upload number:8 | part number:2               a part of an upload
//   'U' bucket id:8 | object key, ended | upload id   an upload in progress
//
//   kept free for what is to come, so that no byte above has to change:
//   'S' bucket id:8 | name                            settings of a bucket (policy, lifecycle, ...)
//   'V' bucket id:8 | object key, ended | ~version:8  older versions and delete markers, newest
//   first
//
// Families small and data (bytes of objects):
//
//   blob id:8 | chunk number:4                        one chunk of a blob
//
//      0        8    12
//      +--------+----+
//      |blob id |chnk|   -> up to 256 KiB
//      +--------+----+
//
// "Ended" is the object key with each 0x00 byte written 0x00 0xFF and then 0x00 0x01. Keys of any
// bytes keep their order, and no key is the beginning of another:
//
//      "a"      61 00 01
//      "a\0b"   61 00 FF 62 00 01
//      "ab"     61 62 00 01
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace store::engine {

using Id = std::uint64_t;

inline constexpr std::string_view format_key = "Aformat";
inline constexpr std::string_view next_id_key = "Anext id";

std::string bucket_key(std::string_view bucket);
std::string counters_key(Id bucket);
std::string garbage_key(Id data);
std::string large_key(Id blob);
std::string manifest_key(Id data);
std::string object_key(Id bucket, std::string_view key);
std::string part_key(Id upload, int part);
std::string upload_key(Id bucket, std::string_view key, std::string_view upload);
std::string chunk_key(Id blob, std::uint32_t chunk);

// What all keys of one kind begin with.
inline constexpr std::string_view buckets_prefix = "B";
inline constexpr std::string_view garbage_prefix = "G";
inline constexpr std::string_view large_prefix = "L";
std::string objects_prefix(Id bucket);
std::string parts_prefix(Id upload);
std::string uploads_prefix(Id bucket);
// Everything that begins with `key_prefix` in uploads_prefix(bucket) order.
std::string uploads_prefix(Id bucket, std::string_view key_prefix);

// The id behind the one-byte kind of a 'G' or 'L' key.
Id id_of(std::string_view key);
// The blob a chunk key belongs to.
Id blob_of(std::string_view chunk);
int part_number_of(std::string_view part);
struct UploadName {
  std::string key;
  std::string id;
};
UploadName upload_name_of(std::string_view upload);

// The smallest text that is greater than everything beginning with `prefix`; "" when there is none.
std::string successor(std::string_view prefix);

}  // namespace store::engine
