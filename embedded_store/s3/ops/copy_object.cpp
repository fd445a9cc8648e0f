// CopyObject.
#include "embedded_store/s3/checksums.h"
#include "embedded_store/s3/conditions.h"
#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/object_lookup.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/payload.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/text.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

// Reads COPY (which is the default) or REPLACE.
bool replaces(const sandbox::http::Request& request, std::string_view header) {
  const std::string_view directive = request.headers.get(header, "COPY");
  if (directive == "COPY" || directive == "REPLACE") return directive == "REPLACE";
  throw fault("InvalidArgument", "Unknown directive; use COPY or REPLACE.",
              {{"ArgumentName", std::string(header)}, {"ArgumentValue", std::string(directive)}});
}

ObjectHeaders new_headers(const Context& context, const ObjectInfo& source) {
  const sandbox::http::Request& request = context.request;
  const ObjectHeaders given = read_object_headers(request);
  ObjectHeaders headers;
  if (replaces(request, "x-amz-metadata-directive")) {
    headers = given;
  } else {
    headers = source.headers;
    // These two belong to the copy, never to its source.
    for (const std::string_view name : {"x-amz-storage-class", "x-amz-website-redirect-location"}) {
      headers.standard.erase(std::string(name));
      if (const auto value = request.headers.find(name)) {
        headers.standard[std::string(name)] = *value;
      }
    }
  }
  headers.tags = replaces(request, "x-amz-tagging-directive") ? given.tags : source.headers.tags;
  return headers;
}

void refuse_copy_onto_itself(const Context& context, const ObjectInfo& source) {
  const auto& headers = context.request.headers;
  if (source.bucket != context.bucket || source.key != context.key) return;
  if (replaces(context.request, "x-amz-metadata-directive") ||
      replaces(context.request, "x-amz-tagging-directive") || headers.find("x-amz-storage-class") ||
      headers.find("x-amz-website-redirect-location")) {
    return;
  }
  throw fault("InvalidRequest",
              "This copy request is illegal because it is trying to copy an object to itself "
              "without changing the object's metadata, storage class, website redirect location "
              "or encryption attributes.");
}

// The checksum to compute on the way: the one asked for, or one in place of a COMPOSITE one, which
// would not be true of an object in one piece. nullptr when the source's can be kept.
const ChecksumKind* checksum_to_compute(const Context& context, const ObjectInfo& source) {
  if (const auto name = context.request.headers.find("x-amz-checksum-algorithm")) {
    const ChecksumKind* kind = find_checksum_by_name(*name);
    if (kind) return kind;
    throw fault("InvalidRequest", "Checksum algorithm provided is unsupported.");
  }
  for (const Checksum& checksum : source.checksums) {
    if (checksum.type == "COMPOSITE") return find_checksum_by_name(checksum.algorithm);
  }
  return nullptr;
}

}  // namespace

sandbox::http::Response copy_object(Context& context) {
  refuse_unsupported_headers(context.request);
  const WriteConditions conditions = read_write_conditions(context.request);
  const auto reader = open_copy_source(context);
  const ObjectInfo& source = reader->info();
  refuse_copy_onto_itself(context, source);
  if (source.size > put_bytes_max) {
    throw fault("InvalidRequest",
                "The specified copy source is larger than the maximum allowable size for a copy "
                "source: " +
                    std::to_string(put_bytes_max));
  }
  const ObjectHeaders headers = new_headers(context, source);
  check_write_conditions(conditions, context.store, context.bucket, context.key);

  const ChecksumKind* kind = checksum_to_compute(context, source);
  std::optional<sandbox::Digest> digest;
  if (kind) digest.emplace(kind->digest);
  const auto writer = context.store.begin_put(context.bucket, context.key, headers);
  reader->read(0, source.size, [&](std::string_view piece) {
    if (digest) digest->update(piece);
    writer->write(piece);
  });
  std::vector<Checksum> checksums = source.checksums;
  if (kind) {
    checksums = {{std::string(kind->name), sandbox::base64(digest->finish()), "FULL_OBJECT"}};
  }
  const ObjectInfo info = writer->commit(headers, checksums, conditions);

  XmlWriter xml("CopyObjectResult");
  xml.element("LastModified", sandbox::iso8601_ms(info.modified_ms));
  xml.element("ETag", quoted(info.etag));
  write_checksum_elements(info.checksums, xml);
  return xml_response(xml);
}

}  // namespace store::s3
