// UploadPart and UploadPartCopy.
#include <optional>

#include "embedded_store/s3/checksums.h"
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

using sandbox::http::Response;

constexpr std::int64_t part_number_max = 10'000;

int read_part_number(const Context& context) {
  const std::string_view text = context.query.get("partNumber");
  const auto number = sandbox::parse_int64(text);
  if (!number || *number < 1 || *number > part_number_max) {
    throw fault("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive",
                {{"ArgumentName", "partNumber"}, {"ArgumentValue", std::string(text)}});
  }
  return static_cast<int>(*number);
}

UploadInfo read_upload(const Context& context) {
  return context.store.upload(context.bucket, context.key,
                              std::string(context.query.get("uploadId")));
}

// A part of an upload with a checksum always gets one of that kind, by the client or by us: the
// object's is made of them.
void agree_on_checksum(Payload& payload, const UploadInfo& upload) {
  if (upload.checksum_algorithm.empty()) return;
  const ChecksumKind* expected = find_checksum_by_name(upload.checksum_algorithm);
  if (!expected) return;
  if (payload.checksum() && payload.checksum() != expected) {
    throw fault("InvalidRequest", "Checksum Type mismatch occurred, expected checksum Type: " +
                                      sandbox::lower(expected->name) + ", actual checksum Type: " +
                                      sandbox::lower(payload.checksum()->name));
  }
  payload.compute(*expected);
}

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

ByteRange read_source_range(const Context& context, std::uint64_t size) {
  const auto header = context.request.headers.find("x-amz-copy-source-range");
  if (!header) return {0, size};
  constexpr std::string_view unit = "bytes=";
  const std::size_t dash = header->find('-');
  std::optional<std::int64_t> first;
  std::optional<std::int64_t> last;
  if (header->starts_with(unit) && dash != std::string_view::npos) {
    first = sandbox::parse_int64(header->substr(unit.size(), dash - unit.size()));
    last = sandbox::parse_int64(header->substr(dash + 1));
  }
  if (!first || !last || *first < 0 || *first > *last) {
    throw fault(
        "InvalidArgument",
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
        "and last are the zero-based offsets of the first and last bytes to copy",
        {{"ArgumentName", "x-amz-copy-source-range"}, {"ArgumentValue", std::string(*header)}});
  }
  if (static_cast<std::uint64_t>(*last) >= size) {
    throw fault("InvalidRange", {{"RangeRequested", std::string(*header)},
                                 {"ActualObjectSize", std::to_string(size)}});
  }
  return {static_cast<std::uint64_t>(*first), static_cast<std::uint64_t>(*last - *first + 1)};
}

}  // namespace

Response upload_part(Context& context) {
  refuse_unsupported_headers(context.request);
  Payload payload(context.request, context.authorization);
  static_cast<void>(payload.content_length());
  const int number = read_part_number(context);
  const UploadInfo upload = read_upload(context);
  agree_on_checksum(payload, upload);

  const auto writer = context.store.begin_part(upload, number);
  payload.pipe([&](std::string_view piece) { writer->write(piece); });
  payload.check_md5([&] { return writer->md5(); });
  const ObjectInfo part = writer->commit({}, payload.checksums());

  Response response;
  response.headers.add("ETag", quoted(part.etag));
  for (const Checksum& checksum : payload.checksums()) {
    response.headers.add(std::string(find_checksum_by_name(checksum.algorithm)->header),
                         checksum.value);
  }
  return response;
}

Response upload_part_copy(Context& context) {
  refuse_unsupported_headers(context.request);
  const int number = read_part_number(context);
  const UploadInfo upload = read_upload(context);
  const auto reader = open_copy_source(context);
  const ByteRange range = read_source_range(context, reader->info().size);
  if (range.length > put_bytes_max) {
    throw fault("InvalidRequest",
                "The specified copy range is larger than the maximum allowable size for a copy "
                "source: " +
                    std::to_string(put_bytes_max));
  }
  const ChecksumKind* kind = find_checksum_by_name(upload.checksum_algorithm);
  std::optional<sandbox::Digest> digest;
  if (kind) digest.emplace(kind->digest);
  const auto writer = context.store.begin_part(upload, number);
  reader->read(range.offset, range.length, [&](std::string_view piece) {
    if (digest) digest->update(piece);
    writer->write(piece);
  });
  std::vector<Checksum> checksums;
  if (kind) {
    checksums = {{std::string(kind->name), sandbox::base64(digest->finish()), "FULL_OBJECT"}};
  }
  const ObjectInfo part = writer->commit({}, checksums);

  XmlWriter xml("CopyPartResult");
  xml.element("LastModified", sandbox::iso8601_ms(part.modified_ms));
  xml.element("ETag", quoted(part.etag));
  write_checksum_elements(checksums, xml, ChecksumTypeElement::left_out);
  return xml_response(xml);
}

}  // namespace store::s3
