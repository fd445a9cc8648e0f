#include "embedded_store/engine/keys.h"

#include <cassert>

namespace store::engine {
namespace {

void append_number(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(number >> shift & 0xFF));
  }
}

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

std::string kind_and_id(char kind, Id id) {
  std::string out(1, kind);
  append_number(out, id, 8);
  return out;
}

void append_escaped(std::string& out, std::string_view key) {
  for (const char byte : key) {
    out.push_back(byte);
    if (byte == '\0') out.push_back('\xFF');
  }
}

}  // namespace

std::string bucket_key(std::string_view bucket) {
  return std::string(buckets_prefix).append(bucket);
}

std::string counters_key(Id bucket) {
  return kind_and_id('C', bucket);
}
std::string garbage_key(Id data) {
  return kind_and_id('G', data);
}
std::string large_key(Id blob) {
  return kind_and_id('L', blob);
}
std::string manifest_key(Id data) {
  return kind_and_id('M', data);
}

std::string object_key(Id bucket, std::string_view key) {
  return objects_prefix(bucket).append(key);
}

std::string part_key(Id upload, int part) {
  std::string out = parts_prefix(upload);
  append_number(out, static_cast<std::uint64_t>(part), 2);
  return out;
}

std::string upload_key(Id bucket, std::string_view key, std::string_view upload) {
  std::string out = uploads_prefix(bucket, key);
  out.append(std::string_view("\0\1", 2)).append(upload);
  return out;
}

std::string chunk_key(Id blob, std::uint32_t chunk) {
  std::string out;
  out.reserve(12);
  append_number(out, blob, 8);
  append_number(out, chunk, 4);
  return out;
}

std::string objects_prefix(Id bucket) {
  return kind_and_id('O', bucket);
}
std::string parts_prefix(Id upload) {
  return kind_and_id('P', upload);
}
std::string uploads_prefix(Id bucket) {
  return kind_and_id('U', bucket);
}

std::string uploads_prefix(Id bucket, std::string_view key_prefix) {
  std::string out = uploads_prefix(bucket);
  append_escaped(out, key_prefix);
  return out;
}

Id id_of(std::string_view key) {
  assert(key.size() == 9);
  return read_number(key.substr(1, 8));
}

Id blob_of(std::string_view chunk) {
  return read_number(chunk.substr(0, 8));
}

int part_number_of(std::string_view part) {
  return static_cast<int>(read_number(part.substr(9)));
}

UploadName upload_name_of(std::string_view upload) {
  UploadName out;
  std::size_t i = 9;
  for (; i + 1 < upload.size(); ++i) {
    if (upload[i] == '\0') {
      if (upload[++i] == '\1') break;
      out.key.push_back('\0');
    } else {
      out.key.push_back(upload[i]);
    }
  }
  out.id = upload.substr(i + 1);
  return out;
}

std::string successor(std::string_view prefix) {
  std::string out(prefix);
  while (!out.empty() && out.back() == '\xFF') out.pop_back();
  if (!out.empty()) out.back() = static_cast<char>(static_cast<unsigned char>(out.back()) + 1);
  return out;
}

}  // namespace store::engine
