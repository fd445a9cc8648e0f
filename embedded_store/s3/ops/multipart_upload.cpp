// CreateMultipartUpload, AbortMultipartUpload, ListParts.
#include "embedded_store/s3/checksums.h"
#include "embedded_store/s3/errors.h"
#include "embedded_store/s3/listing.h"
#include "embedded_store/s3/object_headers.h"
#include "embedded_store/s3/ops/handlers.h"
#include "embedded_store/s3/xml.h"
#include "sandbox/base/time.h"

namespace store::s3 {
namespace {

constexpr int parts_max = 1000;

}  // namespace

using sandbox::http::Response;

Response create_multipart_upload(Context& context) {
  refuse_unsupported_headers(context.request);
  UploadInfo upload;
  upload.bucket = context.bucket;
  upload.key = context.key;
  upload.headers = read_object_headers(context.request);
  const std::string_view type = context.request.headers.get("x-amz-checksum-type");
  if (const auto name = context.request.headers.find("x-amz-checksum-algorithm")) {
    const ChecksumKind* kind = find_checksum_by_name(*name);
    if (!kind) throw fault("InvalidRequest", "Checksum algorithm provided is unsupported.");
    upload.checksum_algorithm = kind->name;
    upload.checksum_type = checksum_type(*kind, type);
  } else if (!type.empty()) {
    throw fault("InvalidRequest",
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm "
                "header.");
  }
  upload = context.store.create_upload(std::move(upload));

  XmlWriter xml("InitiateMultipartUploadResult");
  xml.element("Bucket", context.bucket);
  xml.element("Key", context.key);
  xml.element("UploadId", upload.id);
  Response response = xml_response(xml);
  if (!upload.checksum_algorithm.empty()) {
    response.headers.add("x-amz-checksum-algorithm", upload.checksum_algorithm);
    response.headers.add("x-amz-checksum-type", upload.checksum_type);
  }
  return response;
}

Response abort_multipart_upload(Context& context) {
  context.store.abort_upload(context.store.upload(context.bucket, context.key,
                                                  std::string(context.query.get("uploadId"))));
  Response response;
  response.status = 204;
  return response;
}

Response list_parts(Context& context) {
  const UploadInfo upload =
      context.store.upload(context.bucket, context.key, std::string(context.query.get("uploadId")));
  const int page_size = read_page_size(context.query, "max-parts", parts_max);
  const int marker = context.query.has("part-number-marker")
                         ? read_page_size(context.query, "part-number-marker", 10'000)
                         : 0;
  // One more than is shown tells whether there is another page.
  auto parts =
      page_size == 0 ? std::vector<PartInfo>() : context.store.parts(upload, marker, page_size + 1);
  const bool is_truncated = parts.size() > static_cast<std::size_t>(page_size);
  if (is_truncated) parts.resize(static_cast<std::size_t>(page_size));

  XmlWriter xml("ListPartsResult");
  xml.element("Bucket", context.bucket);
  xml.element("Key", context.key);
  xml.element("UploadId", upload.id);
  write_owner(xml, "Initiator");
  write_owner(xml, "Owner");
  xml.element("StorageClass", storage_class(upload.headers));
  xml.element("PartNumberMarker", marker);
  if (!parts.empty()) xml.element("NextPartNumberMarker", parts.back().number);
  xml.element("MaxParts", page_size);
  xml.element("IsTruncated", is_truncated);
  if (!upload.checksum_algorithm.empty()) {
    xml.element("ChecksumAlgorithm", upload.checksum_algorithm);
    xml.element("ChecksumType", upload.checksum_type);
  }
  for (const PartInfo& part : parts) {
    xml.begin("Part");
    xml.element("PartNumber", part.number);
    xml.element("LastModified", sandbox::iso8601_ms(part.modified_ms));
    xml.element("ETag", quoted(part.etag));
    xml.element("Size", part.size);
    write_checksum_elements(part.checksums, xml, ChecksumTypeElement::left_out);
    xml.end();
  }
  return xml_response(xml);
}

}  // namespace store::s3
